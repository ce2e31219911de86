/** What every MailSource must keep, whatever the mail system. Run it over each implementation and each real server. */
import { after, before, describe } from "node:test";
import { contentContract } from "./mail-source-content.contract.ts";
import { cutsContract } from "./mail-source-cuts.contract.ts";
import { listContract } from "./mail-source-list.contract.ts";
import { pullContract } from "./mail-source-pull.contract.ts";
import type { ServerRig } from "./mail-source-rig.ts";

/**
 * Registers the suite. `setup` starts the server once for all of it; `skip` says why it cannot. Without a wire there is none to cut;
 * without folders there is the inbox alone. */
export function mailSourceContract(
  name: string,
  skip: string | false,
  setup: () => Promise<ServerRig>,
  { wire = true, folders = true }: { readonly wire?: boolean; readonly folders?: boolean } = {},
): void {
  describe(`mail source: ${name}`, { skip }, () => {
    let server: ServerRig | undefined;
    before(async () => {
      server = await setup();
    });
    after(() => server?.[Symbol.asyncDispose]());
    const running = () => {
      if (server === undefined) throw new Error("the server did not start");
      return server;
    };
    pullContract(running, { folders });
    listContract(running, { folders });
    contentContract(running, { folders });
    if (wire) cutsContract(running, { folders });
  });
}
