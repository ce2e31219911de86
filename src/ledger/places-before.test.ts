import assert from "node:assert/strict";
import { onBothEngines } from "../../test/databases.ts";
import { storeDecisions } from "./decisions.ts";
import { forgetPlaces } from "./former-places.ts";
import { placesBefore } from "./places-before.ts";
import { ANN, decided, describeMailboxes, NOW, ORGANIZATION } from "./test-data.ts";

onBothEngines(
  "of a ref is told what lies there, what lay there before the position was lost, and what slipped away, in one answer",
  async (database) => {
    await describeMailboxes(database);
    const [again, lost, slipped] = [
      decided("again@stranger.test"),
      decided("lost@stranger.test"),
      decided("slipped@stranger.test", { undecided: true }),
    ];
    const refs = [again, lost, slipped].map((one) => one.head.ref.id);
    const ids = await database.transaction((tx) => storeDecisions(tx, ORGANIZATION, ANN, [again, lost], NOW));
    await database.transaction((tx) => forgetPlaces(tx, ANN, "INBOX"));
    await database.transaction((tx) => storeDecisions(tx, ORGANIZATION, ANN, [again, slipped], NOW));
    const before = await placesBefore(database, ANN, "INBOX", [...refs, "never seen"]);
    const [itsId, lostId] = [again, lost].map((one) => ids.get(one.identity));
    assert.deepEqual(
      refs.map((ref) => before.get(ref)),
      [
        { known: { decisionId: itsId, folders: again.head.folders, gone: false }, lay: itsId },
        { known: null, lay: lostId },
        { known: null, lay: null },
      ],
    );
    assert.equal(before.size, 3);
  },
);
