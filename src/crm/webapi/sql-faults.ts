import { SqlError } from "../../database/sql-error.ts";
import { fault } from "./error-codes.ts";
import type { ApiFault } from "./exchange.ts";

/**
 * Runs statements that write, and tells what the database refuses of them as Dynamics would: rules that stand in the database alone, and rows that somebody else wrote
 * in the meantime. Other errors pass.
 */
export async function refusedAsFault<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw (error instanceof SqlError && faultOf(error)) || error;
  }
}

function faultOf(error: SqlError): ApiFault | null {
  switch (error.code) {
    // unique_violation
    case "23505":
      return fault("DuplicateRecord", "A record with matching key values already exists.");
    // foreign_key_violation, restrict_violation
    case "23503":
    case "23001":
      return error.message.startsWith("insert or update") ? fault("ObjectDoesNotExist") : fault("CannotDeleteDueToAssociation");
    // not_null_violation
    case "23502":
      return fault("RequiredFieldMissing", `Required field '${error.column ?? ""}' is missing`);
    // check_violation
    case "23514":
      return fault("InvalidArgument", `A value is outside of what '${error.table ?? ""}' allows (${error.constraint ?? ""}).`);
    // program_limit_exceeded: a value that is part of an index and too long for it
    case "54000":
      return fault("StringLengthTooLong");
    default:
      return null;
  }
}
