/**
 * Run as another process by access-token-processes.test.ts: `token-child.ts <task as JSON>`. Asks for the access token of a mailbox, as those who
 * read and send do, and says of each new one its number and the moment at which it expires, in milliseconds.
 */
import { createHash } from "node:crypto";
import { subscribe } from "node:diagnostics_channel";
import { setTimeout as sleep } from "node:timers/promises";
import type { Place } from "../../src/database/database.ts";

export interface TokenTask {
  readonly place: Place;
  /** As it is parsed. */
  readonly configuration: unknown;
  readonly address: string;
  /** Flows that ask at the same time. */
  readonly flows: number;
  /** It kills itself (SIGKILL) between the service's answer and the store. */
  readonly killed: boolean;
}

const { openApp } = await import("../../src/app.ts");
const { configurationSchema } = await import("../../src/config.ts");
const { openDatabase } = await import("../../src/database/open.ts");
const { addressKey } = await import("../../src/model/address.ts");

const ASK_AGAIN_MS = 5;
const silent = { debug() {}, info() {}, warn() {}, error: (fields: object, message: string) => console.error(message, fields) };

async function main({ place, configuration, address, flows, killed }: TokenTask): Promise<void> {
  const database = await openDatabase(place);
  const app = await openApp(configurationSchema.parse(configuration), { database, log: silent });
  if (killed)
    subscribe("waypost:step", (message) => {
      const { name } = message as { readonly name: string };
      if (name === "token.handedOut") process.kill(process.pid, "SIGKILL");
    });
  process.stdout.write("asks\n");
  const seen = new Set<string>();
  await Promise.all(
    Array.from({ length: flows }, async () => {
      const credentials = app.context.credentials(addressKey(address));
      for (;;) {
        const secret = await credentials.current();
        const [token, expiresAt] = secret.kind === "token" ? [secret.token, secret.expiresAt?.getTime()] : [""];
        if (!seen.has(token)) process.stdout.write(`token ${createHash("sha256").update(token).digest("hex")} ${expiresAt}\n`);
        seen.add(token);
        await sleep(ASK_AGAIN_MS);
      }
    }),
  );
}

const [task = ""] = process.argv.slice(2);
await main(JSON.parse(task) as TokenTask);
