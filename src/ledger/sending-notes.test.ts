import assert from "node:assert/strict";
import { onBothEngines } from "../../test/databases.ts";
import { sendingNotes } from "./sending-notes.ts";

onBothEngines("of several who write a note at once one does, and each organization has its own", async (database) => {
  const [notes, others] = [sendingNotes(database, "CRM"), sendingNotes(database, "Other")];
  assert.deepEqual(await notes.read([]), new Map());
  const all = [1, 2, 3, 4];
  const first = await Promise.all(all.map((value) => notes.write("email a", null, { value, text: "nul \u0000" })));
  assert.equal(first.filter(Boolean).length, 1);
  assert.equal(await others.write("email a", null, { value: "other" }), true);
  const again = await Promise.all(all.map((value) => notes.write("email a", 1, { value: value * 10 })));
  assert.equal(again.filter(Boolean).length, 1);
  const kept = await notes.read(["email a", "email b"]);
  assert.deepEqual([[...kept.keys()], kept.get("email a")?.revision], [["email a"], 2]);
  assert.equal(await notes.write("email a", null, {}), false, "there is one already");
  assert.equal(await notes.write("email b", 1, {}), false, "there is none yet");
  assert.deepEqual(await others.read(["email a"]), new Map([["email a", { revision: 1, value: { value: "other" } }]]));
});
