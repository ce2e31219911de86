/** Reading from a scripted POP3 server. */
import assert from "node:assert/strict";
import { pop3System } from "../../src/connectors/pop3/system.ts";
import { Failure } from "../../src/model/failure.ts";
import type { Cursor } from "../../src/model/message.ts";
import type { MailSource, Pull } from "../../src/ports.ts";
import { type ScriptedPop3, type ScriptedPop3Options, startScriptedPop3 } from "../servers/scripted-pop3.ts";
import { access, profileWith } from "./imap-rig.ts";
import { LONG_AGO, message } from "./mail-source-rig.ts";
import { pop3Endpoint } from "./pop3-rig.ts";

export const PAGE = { limit: 100, since: LONG_AGO };

export function open(server: { readonly port: number }, options: { readonly limit?: number; readonly timeout?: number } = {}): MailSource {
  return systemAt(server, options)();
}

/** Opens sources of one mail system, which remembers what it needs from one to the next. */
export function systemAt(server: { readonly port: number }, { limit = 1_000_000, timeout = 2000 } = {}): () => MailSource {
  const system = pop3System({ profile: profileWith(pop3Endpoint(server.port, { timeout }), limit) });
  return () => system.source(access("ann", "secret"));
}

export async function reading<T>(options: ScriptedPop3Options, work: (source: MailSource, server: ScriptedPop3) => Promise<T>): Promise<T> {
  await using server = await startScriptedPop3(options);
  const source = open(server);
  try {
    return await work(source, server);
  } finally {
    await source.close();
  }
}

export async function page(source: MailSource, cursor: Cursor | null = null): Promise<Extract<Pull, { kind: "page" }>> {
  const pull = await source.pull("INBOX", cursor, PAGE);
  assert.ok(pull.kind === "page", JSON.stringify(pull));
  return pull;
}

export async function failing(work: () => Promise<unknown>, code: string): Promise<Failure> {
  const failure = await work().then(
    () => assert.fail(`no failure, where "${code}" was expected`),
    (error: unknown) => error,
  );
  assert.ok(failure instanceof Failure, String(failure));
  assert.equal(failure.code, code, `${failure.message} ${failure.serverSaid}`);
  assert.doesNotMatch(`${failure.message} ${failure.serverSaid} ${failure.remedy} ${failure.stack}`, /secret/);
  return failure;
}

export const box = (...names: string[]) => names.map((name) => ({ uidl: `uid-${name}`, mime: message(name, ".\r\n..\r\nx\r\n") }));
