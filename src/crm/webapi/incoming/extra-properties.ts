import { z } from "zod";
import { messageIds, references } from "../../../mime/message-ids.ts";
import { ApiFault } from "../exchange.ts";

/** Headers that Dynamics keeps of a message (product-behaviour 4.1, internetmessageheaders). */
const MOST_HEADERS = 500;
const LONGEST_HEADER = 100_000;

const header = z.tuple([z.string().max(200), z.string().max(LONGEST_HEADER)]);
const headers = z.union([
  z.array(header).max(MOST_HEADERS),
  z
    .record(z.string().max(200), z.string().max(LONGEST_HEADER))
    .transform((one): [string, string][] => Object.entries(one))
    .refine((all) => all.length <= MOST_HEADERS),
]);
const instant = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

/** Those columns of an email that say more of a message than the parameters do. What else an email has may stand there, and says nothing. */
const EXTRA = z.object({
  inreplyto: z.string().max(320).nullish(),
  conversationindex: z.string().max(2048).nullish(),
  senton: instant.nullish(),
  internetmessageheaders: z.string().max(1_048_576).nullish(),
});

/** What ExtraProperties tells of a message. */
export interface Extra {
  readonly inReplyTo: readonly string[];
  readonly references: readonly string[];
  readonly conversationIndex: string | null;
  readonly sent: Date | null;
  /** Names in lower case. */
  readonly headers: readonly (readonly [string, string])[];
}

export const NO_EXTRA: Extra = { inReplyTo: [], references: [], conversationIndex: null, sent: null, headers: [] };

/**
 * Reads the parameter ExtraProperties of Check and Deliver (product-behaviour 5.2): an email with the columns that nobody else may write, `inreplyto`,
 * `conversationindex` and `senton`, and `internetmessageheaders`, JSON of names and values in which References may stand. `columns`: names that an email has;
 * any other one is refused, as in a row. Throws ApiFault 400.
 */
export function readExtra(given: Readonly<Record<string, unknown>> | null, columns: ReadonlySet<string>): Extra {
  if (given === null) return NO_EXTRA;
  for (const name of Object.keys(given)) {
    const plain = name.replace(/@.*$/, "");
    if (plain !== "" && !columns.has(plain)) {
      throw new ApiFault(
        400,
        "0x80048d19",
        `Invalid property '${plain.slice(0, 100)}' was found in entity 'Microsoft.Dynamics.CRM.email'. ---> Microsoft.OData.ODataException: The property '${plain.slice(0, 100)}' does not exist on type 'Microsoft.Dynamics.CRM.email'.`,
      );
    }
  }
  const read = EXTRA.safeParse(given);
  if (!read.success) throw unusable(read.error.issues[0]?.path.join(".") ?? "");
  const { inreplyto, conversationindex, senton, internetmessageheaders } = read.data;
  const its = headersIn(internetmessageheaders ?? null);
  const reference = its.find(([name]) => name === "references")?.[1];
  return {
    inReplyTo: messageIds(inreplyto ?? "").ids,
    references: reference === undefined ? [] : references(reference).ids,
    conversationIndex: conversationindex ?? null,
    sent: senton ?? null,
    headers: its.filter(([name]) => name !== "references"),
  };
}

function headersIn(text: string | null): readonly (readonly [string, string])[] {
  if (text === null || text === "") return [];
  const read = headers.safeParse(parsed(text));
  if (!read.success) throw unusable("internetmessageheaders");
  return read.data.map(([name, value]) => [name.toLowerCase(), value] as const);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw unusable("internetmessageheaders");
  }
}

function unusable(name: string): ApiFault {
  return new ApiFault(
    400,
    "0x80048d19",
    `Error identified in Payload provided by the user for Entity :'email', The value of '${name}' cannot be read.`,
  );
}
