import { fault } from "./error-codes.ts";
import type { NewRow } from "./new-row.ts";
import type { Row } from "./record.ts";
import type { Turn } from "./service.ts";
import { columnOf, type Storage } from "./storage.ts";

/** Who may say when a row was made. */
const OVERRIDE = "prvOverrideCreatedOnCreatedBy";

/**
 * What the CRM writes on a new row by itself: who made and changed it, who acted for that user, and whose it is: the caller's where the body names no owner. A row brought over from elsewhere
 * (`overriddencreatedon`) keeps the time at which it was made there, and the time of bringing it over beside that, as in Dynamics. Throws ApiFault 403 where the caller
 * may not do that.
 */
export function stampNew(turn: Turn, { table, storage, draft, record }: Pick<NewRow, "table" | "storage" | "draft" | "record">): void {
  const { caller } = turn;
  stamp(record, storage, "createdby", caller.userId);
  stamp(record, storage, "createdonbehalfby", caller.delegateId ?? null);
  stamp(record, storage, "modifiedby", caller.userId);
  stamp(record, storage, "modifiedonbehalfby", caller.delegateId ?? null);
  if (table.ownership === "owned" && storage.columns.has("ownerid") && (record.ownerid ?? null) === null) {
    record.ownerid = caller.userId;
    stamp(record, storage, "owneridtype", "systemuser");
  }
  const overridden = columnOf(table, "overriddencreatedon");
  const made = overridden && draft.values.get(overridden);
  if (typeof made !== "string") return;
  if (!caller.privileges.has(OVERRIDE))
    throw fault("PrivilegeDenied", `Principal user (Id=${caller.userId}, type=8) is missing ${OVERRIDE} privilege.`);
  stamp(record, storage, "createdon", made);
  stamp(record, storage, "overriddencreatedon", turn.service.now().toISOString());
}

/** Who changed a row, for whom, and when. */
export function stampChange(turn: Turn, record: Row, storage: Storage): void {
  stamp(record, storage, "modifiedby", turn.caller.userId);
  stamp(record, storage, "modifiedonbehalfby", turn.caller.delegateId ?? null);
  stamp(record, storage, "modifiedon", turn.service.now().toISOString());
}

function stamp(record: Row, storage: Storage, name: string, value: string | null): void {
  if (storage.columns.has(name)) record[name] = value;
}
