import type { Side } from "../model/item.ts";

/** Which way what is changed in a field goes. What goes no way is left as it is: nobody's edit is taken back. */
export type Direction = "both" | "to CRM" | "to server" | "none";

/** How one field of a kind of items is kept alike. */
export interface FieldRule {
  readonly name: string;
  readonly direction: Direction;
  /**
   * `whole`: of two different edits one wins. `entries`: the field holds entries by key (attendees by address, exceptions of a series by their date), and each
   * entry is a field of its own, so that two people can add one each.
   */
  readonly merge: "whole" | "entries";
}

/** Whether edits go to that side. */
export function goesTo(side: Side, direction: Direction): boolean {
  return direction === "both" || direction === (side === "crm" ? "to CRM" : "to server");
}
