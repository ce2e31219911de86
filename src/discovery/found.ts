import type { Security } from "../model/mailbox.ts";
import type { PresetName } from "../model/presets.ts";

/** What discovery finds about the mail system of an address. Plain data: `waypost discover --json` prints it as it is. */

export type MailProtocol = "imap" | "pop3" | "smtp";

/** How a server lets people sign in, as far as its settings tell. */
export type SignIn = "password" | "encrypted password" | "ntlm" | "kerberos" | "certificate" | "oauth" | "none";

/** How to reach one server. */
export interface Settings {
  readonly protocol: MailProtocol;
  readonly host: string;
  readonly port: number;
  readonly security: Security;
  /** With placeholders filled in; null: not told. */
  readonly username: string | null;
  /** Empty: not told. */
  readonly signIn: readonly SignIn[];
}

/** The ways to find settings, in the order in which they are believed where trust is equal. */
export const METHODS = [
  "DNS SRV",
  "autoconfig",
  "user agent configuration",
  "Autodiscover",
  "autoconfig of the mail exchanger",
  "ISPDB",
  "known hoster",
  "guess",
] as const;
export type Method = (typeof METHODS)[number];

/**
 * `published`: the domain itself says so. `to be confirmed`: the way to it led through somebody else's hands (RFC 6186 section 6): look at the
 * host before a password goes there. `guess`: nobody says so, but a server answered.
 */
export const TRUST = ["published", "to be confirmed", "guess"] as const;
export type Trust = (typeof TRUST)[number];

/** Who says that a server is the right one. */
export interface Evidence {
  readonly method: Method;
  /** A URL or a DNS name. */
  readonly place: string;
  readonly trust: Trust;
  /** Why it is not simply to be believed. */
  readonly doubts: readonly string[];
}

/** What a server showed when it was asked without signing in. */
export interface Probe {
  readonly result: "answers" | "failed" | "not tried";
  readonly message: string;
  readonly remedy: string | null;
  readonly serverSaid: string | null;
  /** Capabilities, in the protocol's own words. */
  readonly offers: readonly string[];
  readonly warnings: readonly string[];
}

export interface Candidate extends Settings {
  readonly trust: Trust;
  readonly evidence: readonly Evidence[];
  readonly probe: Probe;
}

/** What came of asking one place that gave no settings, or more than settings. */
export interface Note {
  readonly method: Method;
  readonly place: string;
  /** `nothing`: there is nothing, which is usual. `failed`: it could not be asked or read. `hint`: worth reading. */
  readonly outcome: "nothing" | "failed" | "hint";
  readonly message: string;
}

export interface Found {
  readonly address: string;
  /** Best first: incoming before outgoing, IMAP before POP3. */
  readonly candidates: readonly Candidate[];
  readonly notes: readonly Note[];
  /** A preset that fits, when the domain's mail is in the hands of a known hoster. */
  readonly preset: PresetName | null;
  /** The piece of waypost.yaml to paste beside its organizations; null when no server was found. */
  readonly snippet: string | null;
}

/** One place's answer: settings in its own order of preference, and what else it said. */
export interface Answer {
  readonly settings: readonly { readonly settings: Settings; readonly evidence: Evidence }[];
  readonly notes: readonly Note[];
}
