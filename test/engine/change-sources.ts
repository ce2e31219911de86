import type { EngineContext } from "../../src/engine/context.ts";
import type { MailboxAccess, MailSource } from "../../src/ports.ts";

/** From now on every mailbox is read through what `change` makes of its source. Disposing of it takes that back. */
export function changeSources(
  { context }: { readonly context: EngineContext },
  change: (source: MailSource, mailbox: MailboxAccess) => MailSource,
): Disposable {
  const mailSystem = context.mailSystem;
  context.mailSystem = (profile) => {
    const system = mailSystem.call(context, profile);
    return { ...system, source: (mailbox) => change(system.source(mailbox), mailbox) };
  };
  return {
    [Symbol.dispose]() {
      context.mailSystem = mailSystem;
    },
  };
}
