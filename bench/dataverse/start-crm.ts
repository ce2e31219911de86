import { startChild } from "../../test/servers/child-process.ts";
import type { Counts } from "./count-requests.ts";
import type { CrmTask, ServedCrm } from "./crm-child.ts";

/** A CRM that another process serves. */
export interface StartedCrm extends AsyncDisposable {
  readonly served: ServedCrm;
  /** What it was asked since the last time. */
  counts(): Promise<Counts>;
  /** It closes its database, which others may open then. */
  stop(): Promise<void>;
}

export async function startCrm(task: CrmTask): Promise<StartedCrm> {
  const child = startChild(new URL("./crm-child.ts", import.meta.url), [JSON.stringify(task)]);
  try {
    const served = JSON.parse(await child.until('"tokenEndpoint"')) as ServedCrm;
    return {
      served,
      counts: async () => (await (await fetch(`${served.url}/counts`)).json()) as Counts,
      stop: async () => {
        await fetch(`${served.url}/stop`, { method: "POST" });
        const code = await child.ended;
        // It says nothing but where it is: whatever else there is are faults.
        if (code !== 0 || child.lines.length > 1) throw new Error(`The CRM ended with ${code}:\n${child.lines.join("\n")}`);
      },
      [Symbol.asyncDispose]: child.kill,
    };
  } catch (error) {
    await child.kill();
    throw error;
  }
}
