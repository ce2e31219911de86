/**
 * PostgreSQL's protocol as it is spoken with PGlite: a request is one piece of bytes in and one out, where PGlite's own `query` asks five times, first
 * for the types of the parameters. Here they need none: all but bytes are text (PostgreSQL manual 53.2.3, 53.7).
 */
import pgProtocol from "pg-protocol";
import {
  CommandCompleteMessage,
  DatabaseError,
  DataRowMessage,
  type Field,
  NotificationResponseMessage,
  RowDescriptionMessage,
} from "pg-protocol/dist/messages.js";
import { Parser } from "pg-protocol/dist/parser.js";
import type { Kept } from "./kept-plans.ts";
import type { Encoded } from "./types.ts";

const { serialize } = pgProtocol;

/** Rows in text format: one array of fields each. */
export interface TextResult {
  readonly command: string;
  readonly rowCount: number;
  readonly names: readonly string[];
  readonly types: readonly number[];
  readonly rows: readonly (readonly (string | null)[])[];
}

export interface Answer {
  /** One of each statement that was carried out. */
  readonly results: readonly TextResult[];
  readonly notifications: readonly { readonly channel: string; readonly payload: string }[];
  /** Why the statement, or what came after it in a script, was not. */
  readonly error: DatabaseError | null;
}

/** One statement with parameters. */
export function statementRequest(text: string, values: readonly Encoded[]): Buffer {
  return Buffer.concat([
    serialize.parse({ text }),
    serialize.bind({ values: [...values] }),
    serialize.describe({ type: "P" }),
    serialize.execute(),
    serialize.sync(),
  ]);
}

/** One statement with parameters that stays prepared under a name. */
export function keptRequest(text: string, { name, isPrepared, replaced }: Kept, values: readonly Encoded[]): Buffer {
  return Buffer.concat([
    ...replaced.map((one) => serialize.close({ type: "S", name: one })),
    ...(isPrepared ? [] : [serialize.parse({ text, name })]),
    serialize.bind({ statement: name, values: [...values] }),
    serialize.describe({ type: "P" }),
    serialize.execute(),
    serialize.sync(),
  ]);
}

/** Statements without parameters, one after the other. */
export function scriptRequest(text: string): Buffer {
  return serialize.query(text);
}

/** What came back for one request. Of what is read nothing refers to the bytes any more. */
export function readAnswer(bytes: Uint8Array): Answer {
  const results: TextResult[] = [];
  const notifications: { channel: string; payload: string }[] = [];
  let error: DatabaseError | null = null;
  let fields: readonly Field[] = [];
  let rows: (string | null)[][] = [];
  new Parser().parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), (message) => {
    if (message instanceof DataRowMessage) rows.push(message.fields);
    else if (message instanceof RowDescriptionMessage) fields = message.fields;
    else if (message instanceof CommandCompleteMessage) {
      const [, command = message.text, count = "0"] = /^(\S+).*?(\d*)$/.exec(message.text) ?? [];
      const [names, types] = [fields.map((field) => field.name), fields.map((field) => field.dataTypeID)];
      results.push({ command, rowCount: Number(count), names, types, rows });
      fields = [];
      rows = [];
    } else if (message instanceof DatabaseError) error ??= message;
    else if (message instanceof NotificationResponseMessage) {
      const { channel, payload } = message;
      notifications.push({ channel, payload });
    }
  });
  return { results, notifications, error };
}
