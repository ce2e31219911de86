import { randomUUID } from "node:crypto";
import { type Behaviour, DEFAULT_BEHAVIOUR } from "../../src/crm/webapi/behaviour.ts";
import type { Caller, Depth } from "../../src/crm/webapi/caller.ts";
import { dispatcher } from "../../src/crm/webapi/dispatch.ts";
import { type ApiAnswer, ApiFault, type ApiRequest } from "../../src/crm/webapi/exchange.ts";
import { operationNamed } from "../../src/crm/webapi/operations.ts";
import { indexTables } from "../../src/crm/webapi/table-index.ts";
import { TABLES } from "../../src/crm/webapi/tables.ts";
import type { Database } from "../../src/database/database.ts";
import type { Sql } from "../../src/model/sql.ts";

export const ROOT = "https://crm.test/api/data/v9.2/";

const EVERY_ACTION = ["Create", "Read", "Write", "Delete", "Append", "AppendTo", "Assign", "Share"];
const KINDS = ["Activity", "Queue", "QueueItem", "User", "Mailbox", "Contact", "Account", "Lead", "EmailTemplate", "UserSettings"];

/** Somebody who may do everything but send as others. */
export function caller(userId: string, more: Partial<Caller> = {}): Caller {
  const privileges = new Map(KINDS.flatMap((kind) => EVERY_ACTION.map((action): [string, Depth] => [`prv${action}${kind}`, "global"])));
  return { userId, name: "Router", businessUnitId: randomUUID(), teamIds: [], privileges, ...more };
}

const tables = indexTables(TABLES);
const nothingElse = async (): Promise<never> => {
  throw new Error("only operations are called here");
};
const dispatch = dispatcher({ metadata: nothingElse, read: nothingElse, write: nothingElse, operation: operationNamed });

export interface Rig {
  /** Sends a request, each in a transaction of its own. Refusals come as answers with `code`. */
  call(method: "GET" | "POST", url: string, body?: unknown, options?: CallOptions): Promise<Answer>;
  /** The same inside a transaction that the test holds. */
  within(sql: Sql, method: "GET" | "POST", url: string, body?: unknown, options?: CallOptions): Promise<ApiAnswer>;
}

export interface CallOptions {
  readonly behaviour?: Partial<Behaviour>;
  readonly as?: Caller;
  readonly now?: Date;
}

export interface Answer {
  readonly status: number;
  readonly code: string | null;
  readonly message: string;
  readonly body: Record<string, unknown>;
}

/** The Web API's messages over a database, without HTTP. */
export function messagesRig(database: Database, me: Caller): Rig {
  const within: Rig["within"] = (sql, method, url, body, { behaviour = {}, as = me, now = new Date() } = {}) => {
    const [path = "", query = ""] = url.split("?", 2);
    const request: ApiRequest = {
      method,
      path,
      query,
      headers: new Map(method === "POST" ? [["content-type", "application/json"]] : []),
      body,
      root: ROOT,
    };
    const service = { store: database, behaviour: { ...DEFAULT_BEHAVIOUR, ...behaviour }, tables, now: () => now };
    return dispatch({ service, caller: as, sql }, request);
  };
  return {
    within,
    async call(method, url, body, options) {
      try {
        const answer = await database.transaction((tx) => within(tx, method, url, body, options), "call");
        return { status: answer.status, code: null, message: "", body: (answer.body ?? {}) as Record<string, unknown> };
      } catch (error) {
        if (!(error instanceof ApiFault)) throw error;
        return { status: error.status, code: error.code, message: error.message, body: {} };
      }
    },
  };
}

/** A call of a function with its parameters as aliases. */
export function functionUrl(name: string, parameters: Readonly<Record<string, string>>): string {
  const names = Object.keys(parameters);
  const aliases = Object.values(parameters).map((value, index) => `@p${index + 1}=${encodeURIComponent(value)}`);
  return `${name}(${names.map((one, index) => `${one}=@p${index + 1}`).join(",")})?${aliases.join("&")}`;
}

export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
