import { Failure, isWiderThanFolder } from "../../model/failure.ts";
import type { MailSource, Step } from "../../ports.ts";
import { listing, quote } from "../../tracking/sentence.ts";
import { accessTo, type EngineContext, type Work } from "../context.ts";
import { chooseFolders } from "../receive/choose-folders.ts";
import { failedStep } from "./check-step.ts";

const NAME = "look whether messages can be deleted";

/**
 * Whether what is processed could be deleted, in a mailbox in which it is to be: asks about each folder that is read, and deletes nothing. Null where it
 * is not to be deleted, and where the mail system tells only those who try.
 */
export async function tryDeleting(context: EngineContext, { mailbox, profile }: Work): Promise<Step | null> {
  if (mailbox.deleteSince === null || mailbox.owner.type === "systemuser") return null;
  const source = context.mailSystem(profile).source(accessTo(context, mailbox));
  try {
    const ask = source.hindranceToDeleting?.bind(source);
    if (ask === undefined) return null;
    const folders = chooseFolders(await source.folders(), profile.folders).filter(({ notReadBecause }) => notReadBecause === null);
    const hindrances = await hindrancesIn(folders, ask);
    const [first] = hindrances.values();
    if (first !== undefined) return cannot(mailbox.address, first, [...hindrances.keys()]);
    const message = `The server has nothing against deleting from the folders of ${mailbox.address} that are read (${folders.length}). Nothing was deleted.`;
    return { name: NAME, result: "ok", message };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return cannot(mailbox.address, error, []);
  } finally {
    await source.close();
  }
}

/** By the names of the folders; what is the same in all of them stands at the first. */
async function hindrancesIn(
  folders: readonly { readonly name: string; readonly stream: string }[],
  ask: NonNullable<MailSource["hindranceToDeleting"]>,
): Promise<ReadonlyMap<string, Failure>> {
  const hindrances = new Map<string, Failure>();
  for (const { name, stream } of folders) {
    const hindrance = await ask(stream);
    if (hindrance === null) continue;
    hindrances.set(name, hindrance);
    if (isWiderThanFolder(hindrance)) break;
  }
  return hindrances;
}

/** Messages are read and become emails all the same: what fails is the deleting. */
function cannot(address: string, failure: Failure, [, ...others]: readonly string[]): Step {
  const alike = others.length === 0 ? "" : ` The same is to be looked into for ${listing(others.map((name) => quote(name)))}.`;
  return {
    ...failedStep(NAME, failure),
    result: "warning",
    code: `deleting: ${failure.code}`,
    message: `What ${address} receives becomes emails, and cannot be deleted from the mailbox then: ${failure.message}${alike}`,
  };
}
