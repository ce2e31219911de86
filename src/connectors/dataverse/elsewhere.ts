import { addressKey } from "../../model/address.ts";
import { Failure } from "../../model/failure.ts";
import type { Direction } from "../../model/mailbox.ts";
import { type SyncOrganization, synchronizedDirections } from "../../model/server-side-sync.ts";
import type { Elsewhere } from "../../ports.ts";
import type { Organization } from "./organization.ts";
import { type Query, readRows } from "./read.ts";
import { idOf, type Row } from "./row.ts";
import { filled, mailboxStateOf, organizationOf } from "./server-side-sync.ts";
import { ACTIVE, ENABLED_COLUMNS, ORGANIZATION_COLUMNS } from "./sync-columns.ts";

/** Dynamics' own names of the two directions, and what it would do a second time. */
const WORDS = {
  incoming: { direction: "receive", does: "reads", twice: "every message would become an email twice" },
  outgoing: { direction: "send", does: "sends for", twice: "every email could leave twice" },
} as const satisfies Readonly<Record<string, { direction: Direction; does: string; twice: string }>>;

/**
 * The mailboxes that Dynamics' server-side synchronization works on (product-behaviour 3.3, 5.3), by address: enabled, with that delivery method, and nothing that
 * keeps it from working on them. One query where none is enabled; else what is said of the organization and of inactive profiles in one exchange more. With the
 * Email Router as the organization's channel server-side synchronization rests, and whoever works on mailboxes that are enabled is a router, as Waypost is.
 */
export async function synchronizedElsewhere(organization: Organization): Promise<ReadonlyMap<string, Elsewhere>> {
  const tables = await organization.tables();
  const [enabled = []] = await rowsOf(organization, [
    {
      set: tables.set("mailbox"),
      select: tables.select("mailbox", ENABLED_COLUMNS),
      filter: `statecode eq ${ACTIVE} and (enabledforincomingemail eq true or enabledforoutgoingemail eq true)`,
    },
  ]);
  if (enabled.length === 0) return new Map();
  const [organizations = [], inactive = []] = await rowsOf(organization, [
    { set: tables.set("organization"), select: tables.select("organization", ORGANIZATION_COLUMNS) },
    { set: tables.set("emailserverprofile"), select: "emailserverprofileid", filter: `statecode ne ${ACTIVE}` },
  ]);
  const said = organizationOf(organizations[0] ?? {});
  const resting = new Set(inactive.map((row) => idOf(row, "emailserverprofileid")));
  return new Map(enabled.flatMap((row) => entryOf(row, said, resting)));
}

/** Where Waypost may not look, it cannot know who works on a mailbox, whichever it is. */
async function rowsOf({ client }: Organization, queries: readonly Query[]): Promise<Row[][]> {
  try {
    return await readRows(client, queries);
  } catch (error) {
    if (!(error instanceof Failure) || (error.scope !== "item" && error.code !== "privilege missing")) throw error;
    throw new Failure({
      scope: "organization",
      code: "mailboxes not readable",
      message: "Dynamics does not let Waypost read its mailboxes, so nobody knows which of them its server-side synchronization works on.",
      serverSaid: error.serverSaid ?? error.message,
      remedy: "Give Waypost's security role the privilege to read Mailbox and Email Server Profile in the whole organization.",
      waitingHelps: false,
      cause: error,
    });
  }
}

function entryOf(row: Row, organization: SyncOrganization, resting: ReadonlySet<string | null>): readonly [string, Elsewhere][] {
  const address = filled(row, "emailaddress");
  const profile = idOf(row, "_emailserverprofile_value");
  // Without a profile nothing is processed (8005E222).
  if (address === null || profile === null) return [];
  const directions = synchronizedDirections(mailboxStateOf(row), organization, !resting.has(profile));
  return directions.length === 0 ? [] : [[addressKey(address), Object.fromEntries(directions.map((one) => elsewhereOf(one, address)))]];
}

function elsewhereOf(direction: "incoming" | "outgoing", address: string): readonly [Direction, NonNullable<Elsewhere[Direction]>] {
  const { direction: key, does, twice } = WORDS[direction];
  return [
    key,
    {
      because: `Dynamics itself ${does} ${address}: its server-side synchronization is enabled for ${direction} email of that mailbox. Waypost does nothing beside it, or ${twice}.`,
      remedy: `In Dynamics, in the mailbox of ${address}, set ${direction} email to None${direction === "outgoing" ? ", or give it an email server profile that is deactivated where people could not press Send then" : ""}, or deactivate the mailbox. Or switch it off here: ${direction}: false.`,
    },
  ];
}
