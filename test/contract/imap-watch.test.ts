import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { targetOf } from "../../src/connectors/imap/connect.ts";
import { imapSystem } from "../../src/connectors/imap/system.ts";
import { type WatchTimes, watch } from "../../src/connectors/imap/watch.ts";
import { Failure } from "../../src/model/failure.ts";
import type { WatchTarget } from "../../src/ports.ts";
import { startCuttingProxy } from "../servers/cutting-proxy.ts";
import type { Dovecot } from "../servers/dovecot.ts";
import { missingServers } from "../servers/needs.ts";
import { startScriptedImap } from "../servers/scripted-imap.ts";
import { access, imapEndpoint, profileWith, startImapServer } from "./imap-rig.ts";
import { message } from "./mail-source-rig.ts";

const WITHIN = 10_000;

/** A mailbox that counts its wakes and troubles and can wait for the next. */
class Watched implements WatchTarget {
  readonly mailbox;
  readonly streams = ["INBOX"];
  readonly troubles: unknown[] = [];
  wakes = 0;
  readonly #events = new EventTarget();

  constructor(user: string, password?: string) {
    this.mailbox = access(user, password);
  }

  wake(): void {
    this.wakes++;
    this.#events.dispatchEvent(new Event("wake"));
  }

  trouble(failure: unknown): void {
    this.troubles.push(failure);
    this.#events.dispatchEvent(new Event("trouble"));
  }

  async next(event: "wake" | "trouble"): Promise<void> {
    await once(this.#events, event, { signal: AbortSignal.timeout(WITHIN) });
  }
}

describe("watching IMAP mailboxes", { skip: missingServers(["dovecot"]) }, () => {
  let dovecot: Dovecot;
  before(async () => {
    dovecot = await startImapServer();
  });
  after(() => dovecot?.[Symbol.asyncDispose]());

  async function watching(
    port: number,
    targets: readonly Watched[],
    times: Partial<WatchTimes>,
    work: () => Promise<void>,
    timeout = 2000,
  ): Promise<void> {
    const stop = new AbortController();
    const done = watch(targetOf(imapEndpoint(port, { timeout }), 1_000_000), targets, stop.signal, times);
    try {
      await work();
    } finally {
      stop.abort();
      await done;
    }
  }

  test("wakes at the beginning, when mail comes and when mail goes, each mailbox for itself", async () => {
    const [ann, bob] = [new Watched("user0"), new Watched("user1")];
    await watching(dovecot.ports.imap, [ann, bob], {}, async () => {
      await Promise.all([ann.next("wake"), bob.next("wake")]);
      const arrived = ann.next("wake");
      await dovecot.deliver("user0", message("x"));
      await arrived;
      assert.deepEqual([ann.wakes, bob.wakes], [2, 1]);
      const left = ann.next("wake");
      await dovecot.withImap("user0", async (client) => {
        await client.mailboxOpen("INBOX");
        await client.messageDelete("1:*", { uid: true });
      });
      await left;
      assert.deepEqual([bob.wakes, ann.troubles, bob.troubles], [1, [], []]);
    });
  });

  test("wakes after a broken connection is made again, and in between tells the trouble", async () => {
    await using proxy = await startCuttingProxy(dovecot.ports.imap);
    const ann = new Watched("user2");
    await watching(proxy.port, [ann], { firstWait: 50 }, async () => {
      await ann.next("wake");
      const again = ann.next("wake");
      proxy.cutNow();
      await again;
      assert.ok(ann.troubles.length > 0 && ann.troubles.every((one) => one instanceof Failure && one.waitingHelps), String(ann.troubles));
      const arrived = ann.next("wake");
      await dovecot.deliver("user2", message("x"));
      await arrived;
    });
  });

  test("notices a server that is gone without a word when IDLE is renewed", async () => {
    await using proxy = await startCuttingProxy(dovecot.ports.imap);
    const ann = new Watched("user3");
    const quick = { firstWait: 50, renewal: 300 };
    await watching(
      proxy.port,
      [ann],
      quick,
      async () => {
        await ann.next("wake");
        await sleep(800);
        assert.equal(ann.troubles.length, 0, "renewing is no trouble");
        const trouble = ann.next("trouble");
        proxy.freeze(true);
        await trouble;
        const again = ann.next("wake");
        proxy.freeze(false);
        await again;
        const arrived = ann.next("wake");
        await dovecot.deliver("user3", message("x"));
        await arrived;
      },
      600,
    );
  });

  test("one mailbox that cannot be watched troubles no other, and a refused password is not offered again soon", async () => {
    await using proxy = await startCuttingProxy(dovecot.ports.imap);
    const [wrong, good] = [new Watched("user4", "not it"), new Watched("user5")];
    await watching(proxy.port, [wrong, good], { firstWait: 10 }, async () => {
      await Promise.all([wrong.next("trouble"), good.next("wake")]);
      const attempts = proxy.accepted();
      await sleep(500);
      assert.equal(proxy.accepted(), attempts);
      const arrived = good.next("wake");
      await dovecot.deliver("user5", message("x"));
      await arrived;
      const [trouble] = wrong.troubles;
      assert.ok(trouble instanceof Failure && trouble.code === "sign-in refused");
    });
  });

  test("ends at once when told to, even while it connects or waits", async () => {
    const stop = new AbortController();
    const refused = new Watched("user6");
    const begun = Date.now();
    const done = watch(targetOf(imapEndpoint(1), 1000), [refused], stop.signal);
    await refused.next("trouble");
    stop.abort();
    await done;
    const silent = await startCuttingProxy(dovecot.ports.imap);
    silent.freeze(true);
    const stopSilent = new AbortController();
    const doneSilent = watch(targetOf(imapEndpoint(silent.port, { timeout: 60_000 }), 1000), [new Watched("user7")], stopSilent.signal);
    await sleep(200);
    stopSilent.abort();
    await doneSilent;
    await silent[Symbol.asyncDispose]();
    await watch(targetOf(imapEndpoint(dovecot.ports.imap), 1000), [new Watched("user8")], AbortSignal.abort());
    assert.ok(Date.now() - begun < 5000);
  });

  test("a hundred deleted messages make few wakes", async () => {
    const ann = new Watched("user9");
    await dovecot.append("user9", "INBOX", ...Array.from({ length: 100 }, (_, index) => message(`m${index}`)));
    await watching(dovecot.ports.imap, [ann], {}, async () => {
      await ann.next("wake");
      const left = ann.next("wake");
      await dovecot.withImap("user9", async (client) => {
        await client.mailboxOpen("INBOX");
        await client.messageDelete("1:*", { uid: true });
      });
      await left;
      await sleep(600);
      assert.ok(ann.wakes <= 5, `${ann.wakes} wakes`);
    });
  });

  test("on the connection that is open, news end the waiting; without any it ends at its time, or at once when it is told to", async () => {
    await using system = imapSystem({ profile: profileWith(imapEndpoint(dovecot.ports.imap)) });
    const source = system.source(access("user10"));
    const [inbox] = await source.folders();
    const stream = inbox?.stream ?? "";
    assert.ok(source.awaitNews);
    const since = async (milliseconds: number, signal = new AbortController().signal) => {
      const begun = performance.now();
      await source.awaitNews?.(stream, milliseconds, signal);
      return performance.now() - begun;
    };
    assert.ok((await since(200)) >= 195, "there is no news");
    const [waited] = await Promise.all([since(60_000), sleep(300).then(() => dovecot.deliver("user10", message("news")))]);
    assert.ok(waited < WITHIN, `${waited} ms`);
    assert.ok((await since(60_000, AbortSignal.timeout(100))) < WITHIN);
    const pulled = await source.pull(stream, null, { limit: 10, since: new Date(0) });
    assert.deepEqual(pulled.kind === "page" && pulled.heads.length, 1, "the connection is as good as before");
    await source.close();
  });

  test("a server without IDLE is looked at again after a moment, and one that goes meanwhile is a failure", async () => {
    await using server = await startScriptedImap({ capabilities: ["UIDPLUS"] });
    await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port)) });
    const source = system.source(access("user0"));
    const begun = performance.now();
    await source.awaitNews?.("INBOX", 60_000, new AbortController().signal);
    assert.ok(performance.now() - begun < WITHIN);
    assert.ok(!server.heard.some((command) => command.startsWith("IDLE")));
    await source.close();
    await using proxy = await startCuttingProxy(dovecot.ports.imap);
    await using through = imapSystem({ profile: profileWith(imapEndpoint(proxy.port)) });
    const broken = through.source(access("user10"));
    const [inbox] = await broken.folders();
    const waiting = broken.awaitNews?.(inbox?.stream ?? "", 60_000, new AbortController().signal);
    void sleep(200).then(() => proxy.cutNow());
    await assert.rejects(waiting ?? Promise.resolve(), (error) => error instanceof Failure && error.waitingHelps);
    await broken.close();
  });
});
