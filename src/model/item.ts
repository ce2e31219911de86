/** An appointment, task or contact, on either side. */
export type ItemKind = "appointment" | "task" | "contact";

/** The two places between which items are kept alike: the CRM, and the server of calendars, tasks and address books. */
export const SIDES = ["crm", "server"] as const;
export type Side = (typeof SIDES)[number];

/** What a field holds, in normalized form: the same thing is always written in the same way, so that deep equality says whether it was changed. */
export type FieldValue = null | string | number | boolean | readonly FieldValue[] | { readonly [key: string]: FieldValue };

/** The normalized form of an item: its fields by name. Null: the field is empty. Not there: the side has no place for that field. */
export type Fields = Readonly<Record<string, FieldValue>>;

/** An item as one side keeps it. */
export interface Item {
  readonly id: string;
  /** As opaque as the side gave it (an ETag, `versionnumber`); equal versions have equal fields, but other versions may have them too. */
  readonly version: string;
  readonly fields: Fields;
}

export function otherSide(side: Side): Side {
  return side === "crm" ? "server" : "crm";
}
