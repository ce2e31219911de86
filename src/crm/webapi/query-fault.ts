import { ApiFault } from "./exchange.ts";

/** 400: a query, key or literal that cannot be understood (wire 7, Errors). */
export function badQuery(message: string): ApiFault {
  return new ApiFault(400, "0x80060888", message);
}

/** 404: the path names something that is not there. Also for operations that nobody knows. */
export function noSuchSegment(segment: string): ApiFault {
  return new ApiFault(404, "0x8006088a", `Resource not found for the segment '${segment}'.`);
}

/** 400: a name in $select, $filter, $orderby or $expand that the table does not have. */
export function noSuchProperty(name: string, table: string): ApiFault {
  return badQuery(`Could not find a property named '${name}' on type 'Microsoft.Dynamics.CRM.${table}'.`);
}
