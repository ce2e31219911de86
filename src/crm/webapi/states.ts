import { fault } from "./error-codes.ts";
import { columnOf } from "./storage.ts";
import type { Column, Table } from "./table.ts";
import type { Value } from "./values.ts";

/** State and status of a row. */
export interface State {
  readonly statecode: number;
  readonly statuscode: number;
}

/** The state that rows of every table begin in. */
const FIRST_STATE = 0;

/**
 * The status of a new row, where one is given: it must belong to the first state, because `statecode` cannot be given at create (wire 8.1, 12.12). Null: the table's
 * own. Throws ApiFault 400 0x80048408.
 */
export function stateOfNew(table: Table, values: ReadonlyMap<Column, Value>): State | null {
  const statuscode = numberOf(table, values, "statuscode");
  if (statuscode === null) return null;
  return matching(table, { statecode: FIRST_STATE, statuscode }, "");
}

/**
 * State and status of a row after a change; null: both stay. A state alone brings its default status, a status alone must belong to the state that the row is in
 * (product-behaviour 5.1: PATCH of `statecode` with `statuscode`). Throws ApiFault 400 0x80048408 where the two do not belong together.
 */
export function stateAfter(table: Table, id: string, now: State, values: ReadonlyMap<Column, Value>): State | null {
  const [state, status] = [numberOf(table, values, "statecode"), numberOf(table, values, "statuscode")];
  if (state === null && status === null) return null;
  const statecode = state ?? now.statecode;
  const statuscode = status ?? (statecode === now.statecode ? now.statuscode : defaultStatus(table, statecode));
  const after = matching(table, { statecode, statuscode }, ` on ${table.name} with Id ${id}.`);
  return after.statecode === now.statecode && after.statuscode === now.statuscode ? null : after;
}

/** -1, as Dynamics takes it, stands for the default status, too. */
function numberOf(table: Table, values: ReadonlyMap<Column, Value>, name: string): number | null {
  const column = columnOf(table, name);
  const value = column && values.get(column);
  return typeof value === "number" && !(name === "statuscode" && value === -1) ? value : null;
}

function defaultStatus(table: Table, statecode: number): number {
  const status = columnOf(table, "statecode")?.defaultStatus?.[statecode] ?? statusesOf(table, statecode)[0];
  if (status === undefined) throw invalid(table, statecode, -1, "");
  return status;
}

function statusesOf(table: Table, statecode: number): number[] {
  const states = columnOf(table, "statuscode")?.stateOf ?? {};
  return Object.entries(states)
    .filter(([, state]) => state === statecode)
    .map(([status]) => Number(status))
    .sort((one, other) => one - other);
}

function matching(table: Table, state: State, where: string): State {
  if (!statusesOf(table, state.statecode).includes(state.statuscode)) throw invalid(table, state.statecode, state.statuscode, where);
  return state;
}

function invalid(table: Table, statecode: number, statuscode: number, where: string) {
  const label = columnOf(table, "statecode")?.labels?.[statecode] ?? String(statecode);
  const name = `${table.name.charAt(0).toUpperCase()}${table.name.slice(1)}State.${label}`;
  return fault("InvalidStateCodeStatusCode", `${statuscode} is not a valid status code for state code ${name}${where}`);
}
