import { convertExchange } from "./exchange.ts";
import { oneLine } from "./foreign-text.ts";
import { convertGmail } from "./gmail.ts";
import { convertMailServers } from "./mail-servers.ts";
import type { ConvertedProfile, ProfileQuestion } from "./profile-question.ts";

/**
 * A server profile for an email server profile of Dynamics; null where there is none to be made, with a note that says why. Source: product-behaviour 3.2.
 */
export function convertProfile(question: ProfileQuestion): ConvertedProfile | null {
  const { profile, note } = question;
  if (profile.serverType === null) {
    note(
      "left out",
      "Its server type is one that is not known here.",
      `Write a server profile of your own named ${question.name} and import again: mailboxes then go there.`,
    );
    return null;
  }
  const converted = bySystem(question);
  if (converted === null) return null;
  noteSettings(question);
  const { maximumConnections } = profile;
  const isLimit =
    maximumConnections !== null && Number.isInteger(maximumConnections) && maximumConnections >= 1 && maximumConnections <= 65_536;
  return isLimit ? { ...converted, draft: { ...converted.draft, maxConcurrentConnections: maximumConnections } } : converted;
}

function bySystem(question: ProfileQuestion): ConvertedProfile | null {
  const { serverType, incoming, outgoing } = question.profile;
  if (incoming.credentials === "gmail oauth" || outgoing.credentials === "gmail oauth") return convertGmail(question);
  return serverType === "imap" || serverType === "pop3" ? convertMailServers(question) : convertExchange(question);
}

/** What Dynamics does with these settings and Waypost does otherwise. */
function noteSettings({ profile, note }: ProfileQuestion): void {
  if (profile.minimumPollingMinutes > 0)
    note(
      "otherwise",
      `Dynamics reads its mailboxes every ${profile.minimumPollingMinutes} minutes at most; Waypost waits for news, and looks every pullSeconds besides.`,
    );
  if (profile.movesUndelivered)
    note("otherwise", "Dynamics moves what it cannot process into a folder; Waypost leaves it where it is and keeps it in the quarantine.");
  if (profile.sendsAlertMail) note("otherwise", "Dynamics mails its owner when mailboxes fail; Waypost shows alerts instead.");
  if (profile.codePage !== null)
    note("otherwise", `Dynamics writes mail in the code page ${oneLine(profile.codePage)}; Waypost writes UTF-8.`);
  for (const direction of ["incoming", "outgoing"] as const) {
    const { authentication } = profile[direction];
    if (authentication === "negotiate" || authentication === "ntlm")
      note(
        "otherwise",
        `Dynamics signs in for ${direction} mail with ${authentication === "ntlm" ? "NTLM" : "Negotiate"}; Waypost signs in with a password under TLS.`,
      );
  }
}
