import { domainOf } from "../../model/address.ts";
import type { DraftServiceAccount, MailboxSignIn } from "./draft.ts";
import { hostOf, usableAddress, usableId, usableUsername } from "./foreign-text.ts";
import { applicationOf, type ConvertedProfile, type ProfileQuestion } from "./profile-question.ts";

/** Hosts of Exchange Online. */
const ONLINE = /(?:^|\.)(?:office365\.com|office\.com|outlook\.com|office365\.us)$/;

/**
 * A profile of Exchange: Dynamics speaks EWS with it, Waypost IMAP and SMTP. Exchange Online is known by where the profile, or autodiscover, leads, and by
 * ways to sign in that only it has.
 */
export function convertExchange(question: ProfileQuestion): ConvertedProfile | null {
  const { profile, name, note } = question;
  const host =
    hostOf(profile.incoming.location) ?? hostOf(profile.defaultLocation) ?? hostOf(profile.outgoing.location) ?? discovered(question);
  const credentials = [profile.incoming.credentials, profile.outgoing.credentials];
  const isOnline =
    profile.serverType === "exchange online hybrid" ||
    (host === null ? credentials.some((one) => one === "server to server" || one === "entra oauth") : ONLINE.test(host));
  if (isOnline) return exchangeOnline(question);
  if (host !== null) return exchangeServer(question, host);
  note(
    "left out",
    "It finds its Exchange Server by autodiscover, and no mailbox tells where that led.",
    `Write a server profile named ${name} with \`preset: exchange\` and the server's name (docs/mail-systems/exchange-imap.md), and import again: mailboxes then go there.`,
  );
  return null;
}

/** Where autodiscover led most of the mailboxes. */
function discovered({ mailboxes }: ProfileQuestion): string | null {
  const hosts = mailboxes.flatMap(({ ewsUrl }) => hostOf(ewsUrl) ?? []);
  const counts = [...Map.groupBy(hosts, (host) => host)].map(([host, all]) => ({ host, count: all.length }));
  return counts.toSorted((a, b) => b.count - a.count || (a.host < b.host ? -1 : 1))[0]?.host ?? null;
}

function exchangeOnline(question: ProfileQuestion): ConvertedProfile | null {
  const { profile, name, mailboxes, secrets, note } = question;
  const domain = mailboxes.flatMap(({ address }) => usableId(domainOf(usableAddress(address) ?? "")) ?? [])[0];
  const tenant = usableId(profile.tenant) ?? domain;
  if (tenant === undefined || ["organizations", "common", "consumers"].includes(tenant)) {
    note(
      "left out",
      "Neither it nor its mailboxes name the directory (tenant) in Microsoft Entra.",
      "Set it up by docs/mail-systems/microsoft-365.md.",
    );
    return null;
  }
  const { clientId, isKnown } = applicationOf(question);
  note(
    "to do",
    `Dynamics reaches Exchange Online by EWS; Waypost reaches the same mailboxes by IMAP and SMTP, as an application of your directory. ${isKnown ? "Dynamics' own application can be used, given the rights." : "The id in oauth.clientId is none yet."}`,
    "Register the application, give it IMAP.AccessAsApp, SMTP.SendAsApp and the mailboxes, and enter its id (docs/mail-systems/microsoft-365.md); `waypost check` tells whether it works.",
  );
  const clientSecret = secrets.need(`${name} client secret`, `the client secret of the application ${clientId} in Microsoft Entra`);
  return {
    draft: {
      name,
      preset: "microsoft365",
      oauth: { provider: "microsoft365", tenant, clientId, clientSecret, grant: "clientCredentials" },
    },
    signIn: { kind: "none", alias: false },
  };
}

function exchangeServer(question: ProfileQuestion, host: string): ConvertedProfile {
  const { name, note } = question;
  note(
    "to do",
    `Dynamics reaches the Exchange Server ${host} by EWS; Waypost reaches the same mailboxes by IMAP and SMTP of the same host, if they are switched on there.`,
    "Switch them on (docs/mail-systems/exchange-imap.md); `waypost check` tells whether they answer.",
  );
  const { account, signIn } = signInsOf(question);
  return {
    draft: { name, preset: "exchange", incoming: { host }, outgoing: { host }, ...(account !== null && { serviceAccount: account }) },
    signIn,
  };
}

/** One account of the profile opens the mailboxes under a login name of Exchange's own form; else each has its password. */
function signInsOf(question: ProfileQuestion): { readonly account: DraftServiceAccount | null; readonly signIn: MailboxSignIn } {
  const { profile, name, secrets, note } = question;
  const { incoming } = profile;
  const outgoing = profile.outgoingAsIncoming ? incoming : profile.outgoing;
  const reader = incoming.credentials === "profile" ? usableUsername(incoming.username) : null;
  const sender = outgoing.credentials === "profile" ? usableUsername(outgoing.username) : null;
  for (const [direction, { credentials }, account] of [
    ["incoming", incoming, reader],
    ["outgoing", outgoing, sender],
  ] as const)
    if (credentials !== "user or queue" && account === null)
      note(
        "otherwise",
        `How Dynamics signs in for ${direction} mail (${credentials ?? "unknown"}) is not possible by IMAP and SMTP; each mailbox signs in with a password of its own.`,
        "Where nobody is to give passwords away, use one service account (docs/mail-systems/exchange-imap.md).",
      );
  const username = reader ?? sender;
  if (username === null) return { account: null, signIn: { kind: "own", alias: false } };
  if (reader !== null && sender !== null && reader !== sender)
    note(
      "otherwise",
      `Dynamics sends as ${sender} and reads as ${reader}; a server profile has one service account, which does both here.`,
    );
  note(
    "to do",
    `ApplicationImpersonation, by which ${username} opens mailboxes for Dynamics, does not count for IMAP and SMTP.`,
    `Give ${username} ${[reader === null ? "" : "Full Access to", sender === null ? "" : "Send As for"].filter(Boolean).join(" and ")} each mailbox, and see that each mailbox's username is its alias (docs/mail-systems/exchange-imap.md).`,
  );
  const password = secrets.need(name, `the password of ${username}, of the server profile ${name}`);
  const account: DraftServiceAccount = {
    username,
    password,
    ...(reader !== null && { incoming: "masterUser", loginName: "{serviceAccount}\\{username}" }),
    ...(sender !== null && { outgoing: "itself" }),
  };
  const isForAll = reader !== null && sender !== null;
  return { account, signIn: isForAll ? { kind: "none", alias: true } : { kind: "own", alias: reader !== null } };
}
