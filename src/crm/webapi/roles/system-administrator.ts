import type { BuiltInRole } from "./role.ts";

/** May do everything. Its template has this id in every organization of Dynamics. */
export const SYSTEM_ADMINISTRATOR: BuiltInRole = {
  templateId: "627090ff-40a3-4053-8790-584edc5be201",
  name: "System Administrator",
  privileges: "everything",
};
