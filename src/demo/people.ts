import type { RecordEntry } from "../crm/directory.ts";

/** The sample company: who works there, who its customers are. Domains are those reserved for examples (RFC 2606). */
export const COMPANY_DOMAIN = "contoso.example";

export interface DemoUser {
  readonly name: string;
  readonly email: string;
  readonly filter: "replies" | "contacts" | "all";
}

export const USERS: readonly DemoUser[] = [
  { name: "Alice Adams", email: "alice@contoso.example", filter: "replies" },
  { name: "Bob Brown", email: "bob@contoso.example", filter: "contacts" },
];

export const QUEUE = { name: "Support", email: "support@contoso.example", filter: "all", owner: "alice@contoso.example" } as const;

export const ACCOUNT_ID = "11111111-1111-4111-8111-111111111111";

export const RECORDS: readonly RecordEntry[] = [
  { type: "account", id: ACCOUNT_ID, name: "Fabrikam Ltd", addresses: ["info@fabrikam.example"] },
  { type: "contact", firstname: "Carol", lastname: "Chen", addresses: ["carol.chen@fabrikam.example"], parentId: ACCOUNT_ID },
  { type: "contact", firstname: "Dave", lastname: "Dunn", addresses: ["dave@northwind.example"] },
  { type: "lead", firstname: "Erin", lastname: "Ek", name: "Tailspin Toys", addresses: ["erin@tailspin.example"] },
];
