import type { Organization } from "./organization.ts";
import { readAll } from "./read.ts";
import { numberOf } from "./row.ts";
import type { Tables } from "./tables.ts";

/** The ways in which a router can work with a Dynamics organization (product-behaviour 5.3). */
export type PathName = "A" | "B" | "C";

export interface Path {
  readonly name: PathName;
  /** Why, as whole sentences for whoever sets it up. */
  readonly reason: string;
}

/** `organization.emailconnectionchannel`: the Email Router serves the organization. */
const EMAIL_ROUTER = 1;

/** Which paths the organization would allow, and which one is taken. */
export async function choosePath(organization: Organization): Promise<{ readonly allowed: Path; readonly taken: Path }> {
  const tables = await organization.tables();
  const allowed = allowedPath(tables, await usesRouter(organization, tables));
  return {
    allowed,
    taken: takenPath(allowed, organization.decides),
  };
}

/** Emails are written as plain rows on every path: what DeliverIncomingEmail makes has an id of its own, which no claim could name before a crash. */
const ROWS =
  "Waypost writes emails as rows under ids that it has claimed before, so that none is made twice, and asks for what is to be sent.";

function takenPath(allowed: Path, decides: boolean): Path {
  if (allowed.name === "C") return { name: "C", reason: `Waypost decides by its own rules. ${allowed.reason} ${ROWS}` };
  if (!decides) return { name: "C", reason: `Waypost decides by its own rules, as the configuration says (decides: waypost). ${ROWS}` };
  return {
    name: "B",
    reason: `Dynamics decides which messages become emails (CheckIncomingEmail); where only the headers show what a message answers, Waypost does. ${ROWS}`,
  };
}

function allowedPath(tables: Tables, isRouter: boolean): Path {
  const missing = ["CheckIncomingEmail", "DeliverIncomingEmail"].filter((name) => !tables.can(name));
  if (missing.length > 0)
    return { name: "C", reason: `The organization has no ${missing.join(" and no ")}: it could not decide about messages itself.` };
  if (isRouter && tables.can("BackgroundSendEmail"))
    return {
      name: "A",
      reason:
        "The organization is set to Email Router and has its messages: it could decide about messages itself and hand out what is to be sent.",
    };
  return {
    name: "B",
    reason: isRouter
      ? "The organization has CheckIncomingEmail and DeliverIncomingEmail, but no BackgroundSendEmail: it could decide about messages itself."
      : "The organization has CheckIncomingEmail and DeliverIncomingEmail and is set to server-side synchronization: it could decide about messages itself.",
  };
}

async function usesRouter(organization: Organization, tables: Tables): Promise<boolean> {
  if (!tables.has("organization", "emailconnectionchannel")) return false;
  const query = { set: tables.set("organization"), select: "emailconnectionchannel" };
  const [row] = await readAll(organization.client, [query]);
  return row !== undefined && numberOf(row, "emailconnectionchannel") === EMAIL_ROUTER;
}
