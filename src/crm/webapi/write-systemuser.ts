import type { Row } from "./record.ts";
import type { Specials } from "./special.ts";

/** `fullname` follows from first and last name, as in Dynamics; a user without either is named by its address. */
export const SYSTEMUSER_SPECIALS: Specials = {
  async beforeCreate(_turn, rows) {
    for (const { record } of rows) record.fullname = fullName(record);
  },
  async beforeUpdate(turn, { id, record }) {
    if (!("firstname" in record || "lastname" in record)) return;
    const { rows } = await turn.sql.query<Row>(
      "select firstname, lastname, internalemailaddress from crm.systemuser where systemuserid = $1",
      [id],
    );
    record.fullname = fullName({ ...rows[0], ...record });
  },
};

function fullName({ firstname, lastname, internalemailaddress, domainname }: Row): string {
  const name = [firstname, lastname].filter((part) => typeof part === "string" && part !== "").join(" ");
  return name || [internalemailaddress, domainname].find((one) => typeof one === "string" && one !== "")?.toString() || "";
}
