import type { MailSystem } from "../../src/ports.ts";
import { mailInMemory } from "../mail-in-memory.ts";
import { headOf, madeMime } from "./heads.ts";

/** An inbox of so many made messages in memory, given away in pages of this many: what is measured is what becomes of them. `onPull` is called for each page. */
export function madeMailSystem(messages: number, directory: number, perPage: number, onPull: () => void = () => undefined): MailSystem {
  const mailbox = {
    arrived: () => messages,
    mime: (number: number) => madeMime(number, directory),
    head: (number: number) => headOf(number, madeMime(number, directory)),
  };
  return mailInMemory(() => mailbox, { perPage, onPull });
}
