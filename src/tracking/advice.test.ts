import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { advise } from "./advice.ts";
import { adviceSentences } from "./advice-sentences.ts";
import { EARLY, SITUATIONS, short } from "./advice-test-data.ts";
import { changed, decideIn, type Situation } from "./change.ts";
import { ANN, BOB, context, facts, type Situation as Given, head, match, user } from "./test-data.ts";

describe("advice", () => {
  for (const [name, outcome, given, expected] of SITUATIONS) {
    it(`flips the outcome of: ${name}`, () => {
      const situation: Situation = { head: head(given.head), facts: facts(given.facts), context: context(given.context) };
      assert.equal(decideIn(situation).outcome, outcome);
      const advised = advise(situation);
      const words = situation.context.test === undefined ? [`${outcome === "skipped" ? "track" : "untrack"} by hand`] : [];
      for (const { changes } of advised.alternatives)
        assert.equal(
          decideIn(changed(situation, changes)).outcome,
          outcome === "skipped" ? "tracked" : "skipped",
          changes.map(short).join(" + "),
        );
      assert.deepEqual(
        advised.alternatives.map(({ changes }) => changes.map(short).join(" + ")),
        [...expected, ...words],
      );
      assert.equal(adviceSentences(advised).length > 0, advised.alternatives.length > 0);
    });
  }

  it("is given for fifty messages and more", () => assert.ok(SITUATIONS.length >= 50));

  it("is said in sentences", () => {
    const said = (given: Given) =>
      adviceSentences(advise({ head: head(given.head), facts: facts(given.facts), context: context(given.context) }), 17);
    const track = "To have this message tracked, whatever the rules say: `waypost track 17`.";
    assert.deepEqual(said({ head: { ...EARLY, inReplyTo: ["gone@x"] } }), [
      `To have it tracked, set the start date of ${ANN} to 2024-12-31 23:59:59 UTC or earlier and set the filter of Ann to "All email messages".`,
      track,
    ]);
    assert.deepEqual(said({ head: { inReplyTo: ["gone@x"], references: ["older@x"] } }), [
      `To have it tracked, set the filter of Ann to "All email messages".`,
      "It is decided again by itself as soon as a message that it answers is tracked: gone@x and older@x.",
      track,
    ]);
    const contacts = { voters: [user("Ann", ANN, { filter: 2 })] };
    const ofBob = (facts: Given["facts"]) => said({ facts: { ...contacts, ...facts } }).filter((one) => one.includes("contact"));
    assert.deepEqual(ofBob({}), [`To have it tracked, add ${BOB} as a contact, lead or account (\`waypost contact ${BOB}\`).`]);
    assert.deepEqual(
      ofBob({ records: [match(BOB, "contact", "Bob", { active: false })] }),
      [`To have it tracked, add ${BOB} as a contact, lead or account.`],
      "the command makes no contact where an inactive record has the address",
    );
    assert.deepEqual(said({ facts: { voters: [user("Ann", ANN, { filter: 0 })] } }), [
      `To keep such a message out, set the filter of Ann to "Email messages in response to CRM email".`,
      `To keep such a message out, set the filter of Ann to "No email messages".`,
      "To keep such a message out, switch DoNotAutoTrackEmail on.",
      "To have no email of this very message: `waypost untrack 17`.",
    ]);
  });
});
