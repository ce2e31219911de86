import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createRecords, putUsers } from "../../src/crm/directory.ts";
import type { Store } from "../../src/crm/transaction.ts";
import { answerBatch } from "../../src/crm/webapi/batch.ts";
import { openWebApi } from "../../src/crm/webapi/open.ts";
import type { Database } from "../../src/database/database.ts";
import { onBothEngines } from "../databases.ts";
import { caller, functionUrl, quoted, ROOT } from "./messages-rig.ts";

const ANN = "ann@crm.test";
const BOB = "bob@customer.test";

function check(from: string, { to = ANN, subject = "Offer" } = {}): string {
  const url = functionUrl("CheckIncomingEmail", {
    MessageId: quoted(`<${randomUUID()}@customer.test>`),
    Subject: quoted(subject),
    ...{ From: quoted(from), To: quoted(to), Cc: quoted(""), Bcc: quoted("") },
  });
  return part(url);
}

function part(url: string, ...headers: string[]): string {
  const lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary", "", `GET ${url} HTTP/1.1`, ...headers, "", ""];
  return lines.join("\r\n");
}

/** The statements that are asked of the database. */
function watched(database: Database): { readonly store: Store; readonly statements: string[] } {
  const statements: string[] = [];
  const store: Store = {
    query: (text, values) => {
      statements.push(text);
      return database.query(text, values);
    },
    transaction: (work, name) => database.transaction(work, name),
    listen: (channel, onNotify, onResume) => database.listen(channel, onNotify, onResume),
  };
  return { store, statements };
}

/** Status and JSON of each answer of a batch. */
async function batch(store: Store, userId: string, parts: readonly string[], goesOn = true): Promise<unknown[]> {
  const me = caller(userId);
  const reported: unknown[] = [];
  const answering = openWebApi(store, { report: (error) => reported.push(error), now: () => new Date("2026-03-15T12:00:00Z") });
  const body = Buffer.from(`${parts.map((one) => `--b\r\n${one}\r\n`).join("")}--b--\r\n`);
  const headers = new Map([
    ["content-type", "multipart/mixed; boundary=b"],
    ...(goesOn ? [["prefer", "odata.continue-on-error"] as const] : []),
  ]);
  const acting = (own: ReadonlyMap<string, string>) => (own.has("mscrmcallerid") ? { ...me, privileges: new Map() } : me);
  const answer = await answerBatch(answering, {
    ...{ body, headers, root: ROOT },
    callerOf: async (own) => acting(own),
    parse: async (bytes) => JSON.parse(bytes.toString()),
  });
  assert.deepEqual(reported, []);
  return [...String(answer.body).matchAll(/HTTP\/1\.1 (\d+)[^{]*(\{.*\})/g)].map(([, status, json = ""]) => ({
    status: Number(status),
    ...JSON.parse(json),
  }));
}

async function people(database: Database): Promise<string> {
  return await database.transaction(async (tx) => {
    const [id = ""] = (await putUsers(tx, [{ name: "Ann", address: ANN, filter: 2 }])).values();
    await createRecords(tx, [{ type: "contact", lastname: "Bob", addresses: [BOB] }]);
    return id;
  }, "people");
}

onBothEngines("calls of one function in a batch are answered as each alone, and need the statements of one", async (database) => {
  const userId = await people(database);
  const calls = [check(BOB), check("stranger@else.test"), check(BOB, { to: "nobody@crm.test" }), check(BOB), check(ANN)];
  const alone: unknown[] = [];
  const single = watched(database);
  for (const call of calls) alone.push(...(await batch(single.store, userId, [call])));
  const one = watched(database);
  assert.deepEqual(await batch(one.store, userId, calls), alone);
  assert.equal(one.statements.length, single.statements.length / calls.length);
  assert.deepEqual(new Set(alone.map((answer) => JSON.stringify(answer))).size > 1, true, "the answers differ");
  const many = watched(database);
  assert.equal(
    (
      await batch(
        many.store,
        userId,
        Array.from({ length: 250 }, () => check(BOB)),
      )
    ).length,
    250,
  );
  assert.equal(many.statements.length, 3 * one.statements.length);
});

onBothEngines("a call that is refused among others is the one that is told so, and ends a batch that is not to go on", async (database) => {
  const userId = await people(database);
  const calls = [check(BOB), part("CheckIncomingEmail(MessageId=@p1)?@p1='x'"), check(BOB), part("WhoAmI()"), check(BOB)];
  const statuses = (answers: readonly unknown[]) => answers.map((answer) => Reflect.get(Object(answer), "status"));
  assert.deepEqual(statuses(await batch(database, userId, calls)), [200, 400, 200, 200, 200]);
  assert.deepEqual(statuses(await batch(database, userId, calls, false)), [200, 400]);
});

onBothEngines("a call in somebody else's name among others has that user's rights", async (database) => {
  const userId = await people(database);
  const acting = check(BOB).replace("HTTP/1.1\r\n", `HTTP/1.1\r\nMSCRMCallerID: ${randomUUID()}\r\n`);
  const answers = await batch(database, userId, [check(BOB), check(BOB), acting, check(BOB)]);
  assert.deepEqual(
    answers.map((answer) => Reflect.get(Object(answer), "status")),
    [200, 200, 403, 200],
  );
});
