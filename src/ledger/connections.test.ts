import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { onBothEngines } from "../../test/databases.ts";
import { insertPlaces, readCapacities, storeMailHosts } from "./connections.ts";
import { ANN, describeMailboxes, HOLDER, later, NOW, PROFILE } from "./test-data.ts";

onBothEngines(
  "a connection counts once for each limit, though a host's configured one and what it taught are the same number",
  async (database) => {
    await describeMailboxes(database);
    const host = "imap.example.test";
    await database.transaction(async (tx) => {
      await storeMailHosts(tx, new Map([[host, 5]]));
      await insertPlaces(tx, HOLDER, [{ id: randomUUID(), use: "watch", mailboxId: ANN, profile: PROFILE.name, host, account: "ann" }]);
    });
    await database.query("insert into waypost.learned_limit (host, account, profile, connections, until) values ($1, '', $2, 5, $3)", [
      host,
      PROFILE.name,
      later(60),
    ]);
    assert.deepEqual(
      (await readCapacities(database, NOW)).map(({ kind, limit, learned, used, watches }) => [kind, limit, learned, used, watches]).sort(),
      [
        ["host", 5, false, 1, 1],
        ["host", 5, true, 1, 1],
        ["profile", 10, false, 1, 1],
      ],
    );
  },
);
