import { readCaller } from "../callers.ts";
import { doesNotExist } from "../error-codes.ts";
import { ApiFault } from "../exchange.ts";
import { type GivenRow, givenRow, requireRow, tableOf } from "../given-row.ts";
import type { Operation } from "../operation.ts";
import { complexAnswer } from "../operation-answer.ts";
import { objectOf } from "../operation-parameters.ts";
import { Parameters } from "../parameters.ts";
import { type Action, rowsThatMay } from "../rights.ts";
import type { Turn } from "../service.ts";

/** Members of mscrm.AccessRights. */
const RIGHTS: Readonly<Record<string, number>> = {
  None: 0,
  ReadAccess: 1,
  WriteAccess: 2,
  AppendAccess: 4,
  AppendToAccess: 16,
  CreateAccess: 32,
  DeleteAccess: 65_536,
  ShareAccess: 262_144,
  AssignAccess: 524_288,
};
const ACTIONS: readonly Action[] = ["Read", "Write", "Append", "AppendTo", "Create", "Delete", "Share", "Assign"];

/** What a user may do with a row: the names of the rights, in one text. */
export const retrievePrincipalAccess: Operation = {
  name: "RetrievePrincipalAccess",
  kind: "function",
  binding: { table: "systemuser", to: "row" },
  parameters: [{ name: "Target", type: "mscrm.crmbaseentity", required: true }],
  returns: {
    kind: "complex",
    name: "RetrievePrincipalAccessResponse",
    properties: [{ name: "AccessRights", type: "mscrm.AccessRights" }],
  },
  types: [{ kind: "enum", name: "AccessRights", members: RIGHTS }],
  async run(turn, call) {
    if (call.key === null) throw doesNotExist("systemuser", "");
    const userId = await requireRow(turn, tableOf(turn, "systemuser"), call.key, "Read");
    const target = givenRow(turn, objectOf(call, "Target"));
    await requireRow(turn, target.table, { kind: "id", id: target.id }, "Read");
    const rights = await rightsOf(turn, userId, target);
    return complexAnswer(call.request, "RetrievePrincipalAccessResponse", { AccessRights: rights.join(", ") || "None" });
  },
};

async function rightsOf({ sql, service }: Turn, userId: string, { table, id }: GivenRow): Promise<readonly string[]> {
  const principal = await readCaller(sql, service.tables, { by: "systemuserid", id: userId });
  if (!principal) throw doesNotExist("systemuser", userId);
  const parameters = new Parameters();
  const asked = ACTIONS.map((action) => `(${predicate(() => rowsThatMay(principal, table, action, parameters))})`);
  const { rows } = await sql.query<{ held: boolean[] }>(
    `select array[${asked.join(", ")}] as held from ${table.from} row where row.${table.key} = ${parameters.add(id, "uuid")}`,
    parameters.values,
  );
  return ACTIONS.filter((_, index) => rows[0]?.held[index]).map((action) => `${action}Access`);
}

/** Of a privilege that is not held at all: false. */
function predicate(read: () => string): string {
  try {
    return read();
  } catch (error) {
    if (error instanceof ApiFault && error.code === "0x80040220") return "false";
    throw error;
  }
}
