import assert from "node:assert/strict";
import test from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { onBehalfOf } from "../../wire/on-behalf-of.ts";
import { askTogether } from "./ask-together.ts";
import type { Answer, DataverseClient, Request } from "./client/client.ts";

const get = (path: string): Request => ({ method: "GET", path });
const answer = ({ path }: Request): Answer => ({ kind: "answered", status: 200, headers: {}, body: path });
const bodies = (answers: readonly Answer[]) => answers.map((one) => (one.kind === "answered" ? one.body : one.kind));

/** Answers each request with its path, and keeps what was asked in one exchange. */
function clientOf(batch: DataverseClient["batch"] = async (requests) => requests.map(answer)) {
  const exchanges: string[][] = [];
  const callers: (string | undefined)[] = [];
  const refuse = () => Promise.reject(new Error("nobody asks for this"));
  const client: DataverseClient = {
    root: "https://crm.test/api/data/v9.2/",
    batch: (requests, options) => {
      exchanges.push(requests.map(({ path }) => path));
      callers.push(options?.caller);
      return batch(requests, options);
    },
    send: refuse,
    changeSets: refuse,
    metadata: refuse,
    version: refuse,
    close: async () => undefined,
    async [Symbol.asyncDispose]() {},
  };
  return { client, exchanges, callers };
}

test("what is asked in one turn goes in one exchange, and everybody gets the own answers", async () => {
  const { client, exchanges } = clientOf();
  const [first, second] = await Promise.all([askTogether(client, [get("a"), get("b")]), askTogether(client, [get("c")])]);
  assert.deepEqual([bodies(first), bodies(second)], [["a", "b"], ["c"]]);
  assert.deepEqual(exchanges, [["a", "b", "c"]]);
});

test("what is asked later, or of another organization, is no part of it", async () => {
  const [one, other] = [clientOf(), clientOf()];
  const first = askTogether(one.client, [get("a")]);
  const elsewhere = askTogether(other.client, [get("b")]);
  await turn();
  await Promise.all([first, elsewhere, askTogether(one.client, [get("c")])]);
  assert.deepEqual([one.exchanges, other.exchanges], [[["a"], ["c"]], [["b"]]]);
});

test("what others ask in the same turn goes by itself, for each of them in its name", async () => {
  const { client, exchanges, callers } = clientOf();
  const ask = (caller: string, path: string) => onBehalfOf(caller, () => askTogether(client, [get(path)]));
  const answers = await Promise.all([ask("ann", "a"), ask("ben", "b"), ask("ann", "c")]);
  assert.deepEqual(answers.map(bodies), [["a"], ["b"], ["c"]]);
  assert.deepEqual(exchanges, [["a", "c"], ["b"]]);
  assert.deepEqual(callers, ["ann", "ben"]);
});

test("much is not put together, and what one asks is not taken apart", async () => {
  const { client, exchanges } = clientOf();
  const many = (name: string, count: number) => Array.from({ length: count }, (_, index) => get(`${name}${index}`));
  const answers = await Promise.all([
    askTogether(client, many("a", 60)),
    askTogether(client, many("b", 30)),
    askTogether(client, many("c", 10)),
  ]);
  assert.deepEqual(
    exchanges.map((paths) => paths.length),
    [60, 40],
  );
  assert.deepEqual(
    answers.map((its) => [its.length, bodies(its)[0]]),
    [
      [60, "a0"],
      [30, "b0"],
      [10, "c0"],
    ],
  );
});

test("a failure is everybody's who asked in that exchange", async () => {
  const trouble = new Error("the organization is away");
  const { client } = clientOf(() => Promise.reject(trouble));
  const results = await Promise.allSettled([askTogether(client, [get("a")]), askTogether(client, [get("b")])]);
  assert.deepEqual(
    results.map((one) => (one.status === "rejected" ? one.reason : "answered")),
    [trouble, trouble],
  );
});
