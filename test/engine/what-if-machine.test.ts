/** What is said of other settings is what becomes of the same messages where they are in force: whatever comes, and in whatever order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { EmbeddedConfiguration, FilterName } from "../../src/config.ts";
import type { FilterMethod } from "../../src/model/settings.ts";
import { exchangeKind } from "../contract/memory/exchange-kind.ts";
import { testDatabase } from "../databases.ts";
import { missingServers } from "../servers/needs.ts";
import { letter } from "./incoming.ts";
import { INBOX, openMemoryWorld } from "./memory-world.ts";
import { addressOf, receive } from "./rig.ts";
import { askWhatIf, foretold, outcomesIn } from "./what-if-world.ts";

const RUNS = 4;
const LETTERS = 6;
const FILTERS: readonly FilterName[] = ["all", "replies", "contacts", "records", "none"];
const METHODS: Readonly<Record<FilterName, FilterMethod>> = { all: 0, replies: 1, contacts: 2, records: 3, none: 4 };
const CONTACT = "carla@customer.test";

interface Arrival {
  /** Numbers of the mailboxes in which it lies. */
  readonly boxes: readonly number[];
  /** Who wrote it: the users by number, a contact, or a stranger. */
  readonly from: number | "contact" | "stranger";
  /** Users named in To, by number. */
  readonly to: readonly number[];
  /** The letter that it answers, by number: maybe a later one. */
  readonly answers: number | null;
  readonly subject: string;
  /** An absent person's program wrote it. */
  readonly isAutomatic: boolean;
}

type Settings = EmbeddedConfiguration["settings"];

interface Choice {
  readonly settings: Settings;
  readonly filters: readonly FilterName[];
}

const user = fc.nat(1);
const arrival: fc.Arbitrary<Arrival> = fc.record({
  boxes: fc.constantFrom([0], [1], [0, 1]),
  from: fc.oneof(user, fc.constantFrom("contact" as const, "stranger" as const)),
  to: fc.uniqueArray(user, { maxLength: 2 }),
  answers: fc.option(fc.nat(LETTERS - 1)),
  subject: fc.constantFrom(
    "Offer",
    "Re: Offer",
    "Fwd: Offer",
    "New offer",
    "Offer CRM:0001001",
    "Invoice CRM:0001001",
    "Invoice WP-0001001",
  ),
  isAutomatic: fc.boolean(),
});
const flag = fc.boolean();
const choice: fc.Arbitrary<Choice> = fc.record({
  filters: fc.array(fc.constantFrom(...FILTERS), { minLength: 2, maxLength: 2 }),
  settings: fc.record(
    {
      emailcorrelationenabled: flag,
      trackingtokensenabled: flag,
      trackingprefix: fc.constantFrom("CRM:", "WP-"),
      enablesmartmatching: flag,
      DisableSmartMatching: fc.constantFrom(false, false, true),
      DisableSmartMatchingEmailHashCreation: fc.constantFrom(false, false, true),
      hashdeltasubjectcount: fc.constantFrom(0, 1),
      hashminaddresscount: fc.constantFrom(1, 2),
      SkipAutomaticReplies: flag,
      ignoreinternalemail: flag,
      IgnoreInternalEmailDetectionEnhancement: flag,
      UseFilteringMethodOfSyncingMailboxOnlyForCorrelation: flag,
      DoNotCorrelateForwardedEmailsAsReplies: flag,
      SSSForceFilteringMethodForUserMailboxes: fc.constantFrom(-1, -1, 0, 1, 2),
    },
    { requiredKeys: [] },
  ),
});

const FROM_STRANGER: Arrival = { boxes: [0], from: "stranger", to: [0], answers: null, subject: "Offer CRM:0001001", isAutomatic: false };

/** The first letter becomes an email with the second, which it answers; the third is known by the token that it has in common with the first. */
const ANSWER_BEFORE_ITS_QUESTION: [Arrival[], Choice, Choice] = [
  [
    { ...FROM_STRANGER, answers: 1 },
    { ...FROM_STRANGER, from: "contact", subject: "Offer" },
    { ...FROM_STRANGER, subject: "Invoice CRM:0001001" },
  ],
  { filters: ["contacts", "contacts"], settings: {} },
  { filters: ["contacts", "contacts"], settings: { trackingtokensenabled: false } },
];

for (const engine of ["pglite", "postgres"] as const) {
  const skip = engine === "postgres" && !process.env.WAYPOST_TEST_DATABASE_URL && missingServers(["postgres"]);
  test(`what is said of other settings is what then happens (${engine})`, { skip }, async () => {
    let changed = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(arrival, { minLength: 3, maxLength: LETTERS }), choice, choice, async (arrivals, now, then) => {
        await using one = await testDatabase(engine);
        await using other = await testDatabase(engine);
        await using first = await openMemoryWorld(one, exchangeKind, { mailboxes: 2, ...now });
        await using second = await openMemoryWorld(other, exchangeKind, { ...then, before: first });
        for (const { app } of [first, second])
          await app.crm.createRecords([{ type: "contact", lastname: "Customer", addresses: [CONTACT] }]);
        for (const world of [first, second]) world.clock.forward(3600);
        // Both read on until no email is made any more: answers to answers are decided again one round after the other.
        const readBoth = async () => {
          for (const { app } of [first, second]) {
            let tracked = 1;
            while (tracked > 0) {
              tracked = 0;
              for (const name of first.names) {
                const { counts, failures } = await receive(app, name);
                assert.deepEqual(failures, []);
                tracked += counts.tracked;
              }
            }
          }
        };
        for (const [number, each] of arrivals.entries()) {
          for (const world of [first, second]) world.clock.forward(60);
          const mime = Buffer.from(letterOf(each, number, first.names));
          for (const box of each.boxes) {
            const stored = first.server.mailbox(addressOf(first.names[box] ?? ""));
            stored.put([stored.folder(INBOX).id], mime, first.clock.now());
          }
          await readBoth();
        }
        const said = await askWhatIf(first.app, {
          settings: { ...DEFAULTS, ...then.settings },
          filters: then.filters.map((filter, index) => ({ address: addressOf(first.names[index] ?? ""), method: METHODS[filter] })),
        });
        assert.deepEqual(foretold(await outcomesIn(one), said), await outcomesIn(other));
        assert.deepEqual(
          said.counts.mailboxes.map((each) => each.otherwiseToday),
          [0, 0],
        );
        changed += said.counts.changed;
      }),
      { numRuns: RUNS, endOnFailure: true, examples: [ANSWER_BEFORE_ITS_QUESTION] },
    );
    assert.ok(changed > 0, "some outcome changed");
  });
}

/** Of the settings that are tried, those that the second one leaves out have their defaults there. */
const DEFAULTS: Settings = {
  emailcorrelationenabled: true,
  trackingtokensenabled: true,
  trackingprefix: "CRM:",
  enablesmartmatching: false,
  DisableSmartMatching: false,
  DisableSmartMatchingEmailHashCreation: false,
  hashdeltasubjectcount: 0,
  hashminaddresscount: 2,
  SkipAutomaticReplies: false,
  ignoreinternalemail: false,
  IgnoreInternalEmailDetectionEnhancement: true,
  UseFilteringMethodOfSyncingMailboxOnlyForCorrelation: false,
  DoNotCorrelateForwardedEmailsAsReplies: false,
  SSSForceFilteringMethodForUserMailboxes: -1,
};

function letterOf({ from, to, answers, subject, isAutomatic }: Arrival, number: number, names: readonly string[]): string {
  const nameOf = (index: number) => addressOf(names[index] ?? "");
  const [here] = names;
  const mime = letter({
    id: `${here}-${number}`,
    from: typeof from === "number" ? nameOf(from) : from === "contact" ? CONTACT : "somebody@stranger.test",
    to: to.length === 0 ? ["list@lists.test"] : to.map(nameOf),
    subject,
    ...(answers !== null && answers !== number && { answers: `${here}-${answers}` }),
  });
  return isAutomatic ? `Auto-Submitted: auto-replied\r\n${mime}` : mime;
}
