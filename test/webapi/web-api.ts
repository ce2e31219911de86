import { aliasesOf } from "../../src/crm/webapi/aliases.ts";
import { answerRead } from "../../src/crm/webapi/answer-read.ts";
import { DEFAULT_BEHAVIOUR } from "../../src/crm/webapi/behaviour.ts";
import type { Caller, Depth } from "../../src/crm/webapi/caller.ts";
import type { ApiAnswer, ApiRequest } from "../../src/crm/webapi/exchange.ts";
import { readResource } from "../../src/crm/webapi/resource-path.ts";
import type { Turn } from "../../src/crm/webapi/service.ts";
import { indexTables, type Tables } from "../../src/crm/webapi/table-index.ts";
import { TABLES } from "../../src/crm/webapi/tables.ts";
import type { TestDatabase } from "../databases.ts";

export const ROOT = "https://crm.example/api/data/v9.2/";

/** A key that ends in these digits. */
export function idOf(number: number): string {
  return `00000000-0000-0000-0000-${String(number).padStart(12, "0")}`;
}

/** Privileges by name: to read each of these tables' rows, as deep as that. */
export function readingOf(tables: Tables, depth: Depth = "global"): ReadonlyMap<string, Depth> {
  return new Map(tables.all.map((one) => [`prvRead${one.privilege}`, depth]));
}

/** Whoever reads through the Web API of a test, on the fifteenth of March 2026 at noon. */
export function turnOf(database: TestDatabase, tables: Tables = indexTables(TABLES), caller: Partial<Caller> = {}): Turn {
  return {
    service: { store: database, behaviour: DEFAULT_BEHAVIOUR, tables, now: () => new Date("2026-03-15T12:00:00Z") },
    caller: { userId: idOf(900), name: "Anna", businessUnitId: idOf(901), teamIds: [], privileges: readingOf(tables), ...caller },
    sql: database,
  };
}

export interface Asked {
  readonly prefer?: string;
  readonly accept?: string;
  readonly ifNoneMatch?: string;
}

/** GET of an address behind the service root, or of a whole one out of an answer. */
export async function get(turn: Turn, url: string, { prefer, accept, ifNoneMatch }: Asked = {}): Promise<ApiAnswer> {
  const [path = "", query = ""] = url.replace(ROOT, "").split("?");
  const sent = Object.entries({ prefer, accept, "if-none-match": ifNoneMatch });
  const headers = new Map(sent.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
  const request: ApiRequest = { method: "GET", path, query, headers, body: undefined, root: ROOT };
  return answerRead(turn, readResource(path, { tables: turn.service.tables, aliases: aliasesOf(query) }), request);
}

/** JSON of an answer, with the rows of a set. */
export interface Body extends Record<string, unknown> {
  readonly value: readonly Record<string, unknown>[];
}

/** The JSON of an answer as it goes over the wire. */
export function bodyOf(answer: ApiAnswer): Body {
  return JSON.parse(JSON.stringify(answer.body));
}
