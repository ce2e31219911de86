import type { BuiltInRole } from "./role.ts";

/** The least with which the Dataverse connector does its work: what it was seen to use, and nothing else (docs/crm/). */
export const WAYPOST_SERVICE: BuiltInRole = {
  templateId: "5c9f1f6e-0d0b-4f0e-9d57-7a1d6a3a8c41",
  name: "Waypost Service",
  privileges: {
    prvReadOrganization: "global",
    prvReadUser: "global",
    prvReadUserSettings: "global",
    prvReadBusinessUnit: "global",
    prvReadTeam: "global",
    prvReadQueue: "global",
    prvReadEmailSearch: "global",
    prvReadMailbox: "global",
    prvWriteMailbox: "global",
    prvReadEmailServerProfile: "global",
    prvReadAccount: "global",
    prvReadContact: "global",
    prvReadLead: "global",
    prvAppendToAccount: "global",
    prvAppendToContact: "global",
    prvAppendToLead: "global",
    prvCreateActivity: "global",
    prvReadActivity: "global",
    prvWriteActivity: "global",
    prvAppendActivity: "global",
    prvAppendToActivity: "global",
    prvAssignActivity: "global",
    prvDeleteActivity: "global",
  },
};
