import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { answerWrite } from "../../src/crm/webapi/answer-write.ts";
import { type Behaviour, DEFAULT_BEHAVIOUR } from "../../src/crm/webapi/behaviour.ts";
import type { Caller, Depth } from "../../src/crm/webapi/caller.ts";
import { ApiFault, type ApiRequest } from "../../src/crm/webapi/exchange.ts";
import { readResource } from "../../src/crm/webapi/resource-path.ts";
import { indexTables } from "../../src/crm/webapi/table-index.ts";
import { TABLES } from "../../src/crm/webapi/tables.ts";
import type { Database } from "../../src/database/database.ts";

export const ROOT = "https://crm.test/api/data/v9.2/";

/** What was answered, a refusal too. */
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  /** Of a refusal. */
  readonly code: string | null;
  readonly message: string;
}

/** Writes over the Web API without HTTP, each request in a transaction of its own. */
export interface Writer {
  readonly caller: Caller;
  send(method: ApiRequest["method"], path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answered>;
  /** POST that must succeed; the id of the new row. */
  make(set: string, body: unknown): Promise<string>;
  /** Request that must be answered with 204. */
  done(method: ApiRequest["method"], path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answered>;
  /** Request that must be refused with this status and code. */
  refused(
    status: number,
    code: string,
    method: ApiRequest["method"],
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<string>;
}

const ACTIONS = ["Read", "Write", "Create", "Delete", "Append", "AppendTo", "Assign", "Share"];

/** Every privilege that tables name, in one depth. */
export function privileges(depth: Depth, actions: readonly string[] = ACTIONS): Map<string, Depth> {
  return new Map(TABLES.flatMap(({ privilege }) => actions.map((action) => [`prv${action}${privilege}`, depth] as const)));
}

/** A user of that name, who may do everything with everything unless told otherwise. */
export async function writer(
  database: Database,
  {
    name = "Ann Admin",
    may = new Map([...privileges("global"), ["prvSendAsUser", "global" as const]]),
    behaviour = DEFAULT_BEHAVIOUR,
  }: { name?: string; may?: ReadonlyMap<string, Depth>; behaviour?: Behaviour } = {},
): Promise<Writer> {
  const userId = randomUUID();
  await database.query("insert into crm.systemuser (systemuserid, fullname, internalemailaddress) values ($1, $2, $3)", [
    userId,
    name,
    `${userId}@crm.test`,
  ]);
  const { rows } = await database.query<{ businessunitid: string }>("select businessunitid from crm.systemuser where systemuserid = $1", [
    userId,
  ]);
  const caller: Caller = { userId, name, businessUnitId: rows[0]?.businessunitid ?? "", teamIds: [], privileges: may };
  const service = { store: database, behaviour, tables: indexTables(TABLES), now: () => new Date() };
  const send: Writer["send"] = async (method, path, body, headers = {}) => {
    const [place = "", query = ""] = path.split("?", 2);
    const request: ApiRequest = { method, path: place, query, headers: new Map(Object.entries(headers)), body, root: ROOT };
    try {
      const answer = await database.transaction(
        (sql) => answerWrite({ service, caller, sql }, readResource(place, { tables: service.tables }), request),
        "write over the Web API",
      );
      return { body: null, code: null, message: "", ...answer };
    } catch (error) {
      if (!(error instanceof ApiFault)) throw error;
      return { status: error.status, headers: error.headers, body: null, code: error.code, message: error.message };
    }
  };
  return {
    caller,
    send,
    async make(set, body) {
      const answer = await send("POST", set, body);
      assert.equal(answer.status, 204, answer.message);
      const found = /\(([0-9a-f-]{36})\)$/.exec(answer.headers["OData-EntityId"] ?? "")?.[1];
      assert.ok(found);
      return found;
    },
    async done(...request) {
      const answer = await send(...request);
      assert.equal(answer.status, 204, answer.message);
      return answer;
    },
    async refused(status, code, ...request) {
      const answer = await send(...request);
      assert.deepEqual({ status: answer.status, code: answer.code }, { status, code }, answer.message);
      return answer.message;
    },
  };
}
