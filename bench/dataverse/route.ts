import { startChild } from "../../test/servers/child-process.ts";
import type { RouterResult, RouterTask } from "./router-child.ts";

/** One process of its own that reads the mailboxes. @throws where it ends in another way than with its result */
export async function route(task: RouterTask): Promise<RouterResult> {
  await using child = startChild(new URL("./router-child.ts", import.meta.url), [JSON.stringify(task)]);
  const code = await child.ended;
  const last = child.lines.at(-1) ?? "";
  if (code !== 0 || !last.startsWith("{")) throw new Error(`The process that reads ended with ${code}:\n${child.lines.join("\n")}`);
  if (child.lines.length > 1) console.error(child.lines.slice(0, -1).join("\n"));
  return JSON.parse(last) as RouterResult;
}
