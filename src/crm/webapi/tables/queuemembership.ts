import { id, key, readable, version } from "../columns.ts";
import type { TableDefinition } from "../table.ts";

export const QUEUEMEMBERSHIP: TableDefinition = {
  name: "queuemembership",
  set: "queuememberships",
  key: "queuemembershipid",
  title: null,
  from: "crm.queuemembership",
  base: null,
  columns: [key("queuemembershipid"), version(), ...readable([id("queueid"), id("systemuserid")])],
  alternateKeys: [],
  allows: [],
  tracksChanges: false,
  versioned: true,
  ownership: "organization",
  privilege: "Queue",
};
