import type { Organization } from "./organization.ts";
import { readAll } from "./read.ts";
import { numberOf } from "./row.ts";
import type { Tables } from "./tables.ts";
import { CHECK } from "./verdicts.ts";

/**
 * The ways in which a router can work with a Dynamics organization (product-behaviour 5.3): A, Dynamics makes the emails (DeliverIncomingEmail) and hands out what is to be
 * sent; B, Dynamics makes them, and the router looks for what is to be sent; C, the router writes them as rows.
 */
export type PathName = "A" | "B" | "C";

export interface Path {
  /** Always rows: what DeliverIncomingEmail makes has an id of its own, which no claim could name before a crash. */
  readonly taken: "C";
  /** Who decides which messages become emails: Dynamics' verdict (CheckIncomingEmail), or the rules here. */
  readonly decides: "dynamics" | "waypost";
  /** What the organization would allow beside it. */
  readonly allowed: readonly PathName[];
  /** Why, as whole sentences for whoever sets it up. */
  readonly reason: string;
}

/** `organization.emailconnectionchannel`: the Email Router serves the organization. */
const EMAIL_ROUTER = 1;

/** Which path is taken, and which ones the organization would allow beside it. */
export async function choosePath(organization: Organization): Promise<Path> {
  const tables = await organization.tables();
  const missing = [CHECK, DELIVER].filter((name) => !tables.can(name));
  const handsOut = tables.can(HAND_OUT) && (await usesRouter(organization, tables));
  const allowed: PathName[] = missing.length > 0 ? [] : handsOut ? ["A", "B"] : ["B"];
  const decides = organization.decides && tables.can(CHECK) ? "dynamics" : "waypost";
  return { taken: "C", decides, allowed, reason: [ROWS, whoDecides(organization, decides), besides(allowed, missing)].join(" ") };
}

const DELIVER = "DeliverIncomingEmail";
const HAND_OUT = "BackgroundSendEmail";

const ROWS = "Path C: Waypost writes emails as rows, and asks for what is to be sent.";

function whoDecides({ decides: isWanted }: Organization, decides: Path["decides"]): string {
  if (decides === "dynamics")
    return `Dynamics decides which messages become emails (${CHECK}); where only the headers show what a message answers, Waypost does.`;
  return isWanted
    ? `Waypost decides by its own rules, as the organization has no ${CHECK}.`
    : "Waypost decides by its own rules, as the configuration says (decides: waypost).";
}

/** Why none of the other paths is taken. */
function besides(allowed: readonly PathName[], missing: readonly string[]): string {
  if (missing.length > 0) return `The organization allows neither path A nor B: it has no ${missing.join(" and no ")}.`;
  const [paths, areNotTaken] = allowed.length > 1 ? ["paths A and B", "They are not taken"] : ["path B", "It is not taken"];
  return `The organization would also allow ${paths}, where Dynamics makes the emails (${DELIVER}). ${areNotTaken}: such an email has an id that Waypost cannot claim before, so that after a crash it could be made twice.`;
}

async function usesRouter(organization: Organization, tables: Tables): Promise<boolean> {
  if (!tables.has("organization", "emailconnectionchannel")) return false;
  const query = { set: tables.set("organization"), select: "emailconnectionchannel" };
  const [row] = await readAll(organization.client, [query]);
  return row !== undefined && numberOf(row, "emailconnectionchannel") === EMAIL_ROUTER;
}
