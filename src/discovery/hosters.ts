/** Who has the mail of a domain in hand, told from its mail exchangers. Pure. */
import type { PresetName } from "../model/presets.ts";
import { isWithin } from "./domain.ts";
import type { SignIn } from "./found.ts";

export interface Hoster {
  readonly title: string;
  /** What its mail exchangers lie below. */
  readonly exchangers: readonly string[];
  readonly preset: PresetName;
  /** How its servers let anybody in, where that is less than usual. */
  readonly signIn?: readonly SignIn[];
}

const HOSTERS: readonly Hoster[] = [
  {
    title: "Microsoft 365",
    exchangers: ["mail.protection.outlook.com", "mx.microsoft"],
    preset: "microsoft365",
    signIn: ["oauth"],
  },
  { title: "Google", exchangers: ["google.com", "googlemail.com"], preset: "gmail" },
  { title: "Fastmail", exchangers: ["messagingengine.com"], preset: "fastmail" },
  { title: "iCloud", exchangers: ["mail.icloud.com"], preset: "icloud" },
  { title: "Yahoo", exchangers: ["yahoodns.net"], preset: "yahoo" },
];

/** Mail passes through these on its way; the mailboxes lie elsewhere. */
const FILTERS = ["pphosted.com", "ppe-hosted.com", "mimecast.com", "messagelabs.com", "barracudanetworks.com", "hornetsecurity.com"];

/** The hoster of the first exchanger that one is known for. */
export function hosterOf(exchangers: readonly string[]): Hoster | null {
  return HOSTERS.find((hoster) => exchangers.some((host) => hoster.exchangers.some((suffix) => isWithin(host, suffix)))) ?? null;
}

/** Whether the exchangers belong to a mail filter, which tells nothing of where the mailboxes are. */
export function isMailFilter(exchangers: readonly string[]): boolean {
  return exchangers.some((host) => FILTERS.some((suffix) => isWithin(host, suffix)));
}
