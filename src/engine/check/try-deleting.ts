import { Failure, isWiderThanFolder } from "../../model/failure.ts";
import type { Step } from "../../ports.ts";
import { accessTo, type EngineContext, type Work } from "../context.ts";
import { chooseFolders } from "../receive/choose-folders.ts";
import { whyNotDurable } from "../receive/why-not-durable.ts";
import { failedStep } from "./check-step.ts";

const NAME = "look whether messages can be deleted";

/** Folders of which the hindrance is told; of more only how many there are. */
const MOST_TOLD = 10;

/**
 * Whether what is processed could be deleted, in a mailbox in which it is to be: asks the database of the CRM, then the mail system about each folder that is
 * read, and deletes nothing. Null where it is not to be deleted, and where the mail system tells only those who try.
 */
export async function tryDeleting(context: EngineContext, work: Work): Promise<Step | null> {
  const { mailbox, profile } = work;
  if (mailbox.deleteSince === null || mailbox.owner.type === "systemuser") return null;
  const notDurable = await whyNotDurable(context, work);
  if (notDurable !== null) return cannot(mailbox.address, notDurable);
  const source = context.mailSystem(profile).source(accessTo(context, mailbox));
  try {
    const ask = source.hindranceToDeleting?.bind(source);
    if (ask === undefined) return null;
    const folders = chooseFolders(await source.folders(), profile.folders).filter(({ notReadBecause }) => notReadBecause === null);
    return await stepOf(mailbox.address, folders, ask);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return cannot(mailbox.address, error);
  } finally {
    await source.close();
  }
}

async function stepOf(
  address: string,
  folders: readonly { readonly stream: string }[],
  ask: (stream: string) => Promise<Failure | "not told" | null>,
): Promise<Step> {
  const hindrances: Failure[] = [];
  let untold = 0;
  for (const { stream } of folders) {
    const hindrance = await ask(stream);
    if (hindrance === "not told") untold++;
    else if (hindrance !== null) hindrances.push(hindrance);
    if (hindrance instanceof Failure && isWiderThanFolder(hindrance)) break;
  }
  const [first, ...others] = hindrances;
  if (first !== undefined) return cannot(address, first, others);
  const message =
    untold > 0
      ? `The server does not tell whether messages can be deleted from the folders of ${address} that are read (${untold}): only deleting will. Nothing was deleted.`
      : `The server has nothing against deleting from the folders of ${address} that are read (${folders.length}). Nothing was deleted.`;
  return { name: NAME, result: "ok", message };
}

/** Messages are read and become emails all the same: what fails is the deleting. Each folder has its own rights, and its own remedy. */
function cannot(address: string, first: Failure, others: readonly Failure[] = []): Step {
  const told = [first, ...others].slice(0, MOST_TOLD);
  const untold = others.length + 1 - told.length;
  const more = untold > 0 ? ` So it is with ${untold} more folders.` : "";
  return {
    ...failedStep(NAME, first),
    result: "warning",
    code: `deleting: ${first.code}`,
    message: `What ${address} receives becomes emails, and cannot be deleted from the mailbox then: ${told.map(({ message }) => message).join(" ")}${more}`,
    remedy: [...new Set(told.map(({ remedy }) => remedy))].join(" "),
  };
}
