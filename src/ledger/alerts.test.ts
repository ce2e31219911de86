import assert from "node:assert/strict";
import { onBothEngines } from "../../test/databases.ts";
import { Failure } from "../model/failure.ts";
import { type AlertText, alertOf, closeAlerts, closeAlertsAbout, openAlert, openAlerts } from "./alerts.ts";
import { ANN, BEN, later, NOW } from "./test-data.ts";

const refused = new Failure({
  scope: "mailbox",
  code: "sign-in refused",
  message: "The server refused the sign-in of ann@example.test.",
  serverSaid: "NO wrong\u0000password",
  remedy: "Correct the password.",
  waitingHelps: true,
});
const alert: AlertText = alertOf(refused, "receiving", ANN);

onBothEngines(
  "one kind of trouble of one subject is one alert that counts how often it was seen and keeps its beginning",
  async (database) => {
    await openAlert(database, alert, NOW);
    await openAlert(database, { ...alert, message: "Refused once more.", serverSaid: undefined }, later(60));
    await openAlert(database, { ...alert, subject: BEN }, later(30));
    await openAlert(database, { ...alert, code: "sending: sign-in refused" }, later(90));
    const open = await openAlerts(database);
    assert.deepEqual(
      open.map(({ subject, code, times }) => [subject, code, times]),
      [
        [ANN, "receiving: sign-in refused", 2],
        [BEN, "receiving: sign-in refused", 1],
        [ANN, "sending: sign-in refused", 1],
      ],
      "the longest open first",
    );
    const [first] = open;
    assert.deepEqual([first?.openedAt, first?.seenAt, first?.message, first?.serverSaid], [NOW, later(60), "Refused once more.", null]);
  },
);

onBothEngines("success of an activity closes its alerts and no others, and the next trouble opens a new one", async (database) => {
  await openAlert(database, alert, NOW);
  await openAlert(database, { ...alert, code: "receiving: host unknown" }, NOW);
  await openAlert(database, { ...alert, code: "sending: sign-in refused" }, NOW);
  await openAlert(database, { ...alert, subject: BEN }, NOW);
  assert.equal(await closeAlerts(database, "profile", ANN, "", later(1)), 0, "another scope");
  assert.equal(
    await closeAlertsAbout(
      database,
      [
        ["profile", ANN],
        ["mailbox", "another"],
      ],
      "receiving",
      later(1),
    ),
    0,
    "none of these",
  );
  assert.equal(
    await closeAlertsAbout(
      database,
      [
        ["process", "process"],
        ["mailbox", ANN],
      ],
      "receiving",
      later(1),
    ),
    2,
  );
  assert.equal(await closeAlerts(database, "mailbox", ANN, "receiving", later(2)), 0, "closed once");
  assert.deepEqual(
    (await openAlerts(database)).map(({ subject, code }) => [subject, code]),
    [
      [ANN, "sending: sign-in refused"],
      [BEN, "receiving: sign-in refused"],
    ],
  );
  await openAlert(database, alert, later(3));
  assert.deepEqual(
    (await openAlerts(database)).filter((one) => one.code === alert.code && one.subject === ANN).map((one) => [one.times, one.openedAt]),
    [[1, later(3)]],
  );
  assert.equal(await closeAlerts(database, "mailbox", ANN, "", later(4)), 2, "an empty prefix closes all of the subject");
});

onBothEngines("words of a server that the database cannot hold do not keep the alert from opening", async (database) => {
  await openAlert(database, { ...alert, message: "half a pair: \ud83d" }, NOW);
  const [open] = await openAlerts(database);
  assert.deepEqual([open?.message, open?.serverSaid], ["half a pair: \ufffd", "NO wrong\ufffdpassword"]);
});
