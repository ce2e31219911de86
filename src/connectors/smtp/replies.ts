/**
 * What an SMTP reply means: an answer to the message in hand, or trouble that says nothing about it. One table, asked from top to
 * bottom, first match wins.
 *
 * The narrow reading wins where a reply can be both: trouble stops a mailbox or a whole profile, so a reply counts as trouble only
 * when the code or the words say so, and an ordinary `450 4.7.1` to one recipient (greylisting) stays with that recipient.
 */
import { type AccountTrouble, accountTrouble } from "../../wire/account-words.ts";
import type { Reply } from "./reply.ts";

/** What a reply replies to. `connect` is the greeting, `content` the final dot. */
export type Command = "connect" | "EHLO" | "HELO" | "STARTTLS" | "AUTH" | "RSET" | "MAIL" | "RCPT" | "DATA" | "content";

/** Causes that servers name in replies; failures.ts has their scope, words and remedies. */
export type ReplyTrouble =
  | AccountTrouble
  | "client certificate required"
  | "encryption required"
  | "no common sign-in method"
  | "protocol error"
  | "sender not permitted"
  | "server busy"
  | "server closing"
  | "service refused"
  | "sign-in disabled"
  | "sign-in not available"
  | "sign-in refused"
  | "sign-in required"
  | "STARTTLS not offered"
  | "throttled"
  | "TLS not available"
  | "too many connections";

export type Meaning =
  /** The command did what it is for. */
  | { readonly kind: "done" }
  /** An answer to this message or this recipient. */
  | { readonly kind: "refused"; readonly permanent: boolean }
  /** No answer to this message; it may be offered again. */
  | { readonly kind: "trouble"; readonly trouble: ReplyTrouble }
  /** The server does not know the command. */
  | { readonly kind: "not implemented" }
  /** No reply that this command can have: client and server no longer talk about the same thing. */
  | { readonly kind: "out of place" };

interface Row {
  readonly to: readonly Command[];
  readonly code: RegExp;
  readonly enhanced?: RegExp;
  readonly text?: { test(text: string): boolean };
  readonly means: Meaning;
}

const DONE: Meaning = { kind: "done" };
const FOR_NOW: Meaning = { kind: "refused", permanent: false };
const FOR_GOOD: Meaning = { kind: "refused", permanent: true };
const trouble = (name: ReplyTrouble): Meaning => ({ kind: "trouble", trouble: name });

const saying = (wanted: AccountTrouble) => ({ test: (text: string) => accountTrouble(text) === wanted });

const ENVELOPE: readonly Command[] = ["MAIL", "RCPT", "DATA"];
const BEFORE_CONTENT: readonly Command[] = ["connect", "EHLO", "HELO", "STARTTLS", "AUTH", "RSET", ...ENVELOPE];

/** Words of Postfix, Exchange, Sendmail and Gmail for "you, not this message": none of them says which recipient. */
const TOO_FAST =
  /too (many|much) (mail|messages|errors|recipients from)|rate.?limit|throttl|sending (limit|quota|rate)|submissionquotaexceeded|thread limit/i;
const TOO_MANY_CONNECTIONS =
  /too many (concurrent |simultaneous )?(smtp )?(connections|sessions)|maximum number of (concurrent )?connections|connections? limit/i;
/** Words of Postfix and Exchange for a sender whom the user that signed in may not be: that holds for all mail from that mailbox. */
const NOT_THEIR_SENDER = /not owned by user|permissions? to send as this sender/i;
/** Postfix, where smtpd_tls_req_ccert is set. */
const CLIENT_CERTIFICATE = /client certificate/i;
const ABOUT_TLS = /starttls|\btls\b|encrypt/i;

const TABLE: readonly Row[] = [
  // RFC 5321 4.2.2: which code ends which command well. Clients go by the first digit (4.2.1), but 354 alone invites content.
  { to: ["connect", "STARTTLS"], code: /^220$/, means: DONE },
  { to: ["AUTH"], code: /^235$/, means: DONE },
  { to: ["EHLO", "HELO", "RSET", "MAIL", "RCPT", "content"], code: /^2/, means: DONE },
  { to: ["DATA"], code: /^354$/, means: DONE },

  // RFC 5321 3.8, 4.2.2: 421 answers no command, it ends the session. After the final dot it is an answer all the same: 4.2.5, a
  // server that replies 4yz there has not taken the message; see the rows of `content`.
  { to: BEFORE_CONTENT, code: /^4/, text: TOO_MANY_CONNECTIONS, means: trouble("too many connections") },
  { to: BEFORE_CONTENT, code: /^(421|5)/, text: CLIENT_CERTIFICATE, means: trouble("client certificate required") },
  { to: BEFORE_CONTENT, code: /^421$/, text: TOO_FAST, means: trouble("throttled") },
  { to: BEFORE_CONTENT, code: /^421$/, means: trouble("server closing") },

  // RFC 5321 3.1: 554 instead of a greeting; 4yz by custom when overloaded.
  { to: ["connect"], code: /^4/, means: trouble("server busy") },
  { to: ["connect"], code: /^5/, means: trouble("service refused") },

  // RFC 5321 3.2 and 4.1.1.1: a server without EHLO says so, and is greeted with HELO.
  { to: ["EHLO"], code: /^50[0124]$/, means: { kind: "not implemented" } },
  { to: ["EHLO", "HELO"], code: /^4/, means: trouble("server busy") },
  { to: ["EHLO", "HELO"], code: /^5/, means: trouble("service refused") },

  // RFC 3207 4: 454 is "not now"; anything else, a missing command included, is "not at all".
  { to: ["STARTTLS"], code: /^4/, means: trouble("TLS not available") },
  { to: ["STARTTLS"], code: /^5/, means: trouble("STARTTLS not offered") },

  // RFC 4954 6, RFC 3463 3.8 (X.7.8 credentials, X.7.9 mechanism too weak, X.7.11 encryption needed, X.7.12 password transition).
  { to: ["AUTH"], code: /^432$/, means: trouble("sign-in refused") },
  { to: ["AUTH"], code: /^4/, means: trouble("sign-in not available") },
  { to: ["AUTH"], code: /^538$/, means: trouble("encryption required") },
  { to: ["AUTH"], code: /^5/, enhanced: /^5\.7\.11$/, means: trouble("encryption required") },
  // Exchange Online gives X.7.139 to a wrong password, too.
  { to: ["AUTH"], code: /^5/, text: /credentials were incorrect/i, means: trouble("sign-in refused") },
  // Exchange Online: X.7.139 with basic authentication or SMTP AUTH switched off for the tenant or the mailbox.
  { to: ["AUTH"], code: /^5/, enhanced: /^5\.7\.139$/, means: trouble("sign-in disabled") },
  { to: ["AUTH"], code: /^5/, text: /authentication is disabled/i, means: trouble("sign-in disabled") },
  { to: ["AUTH"], code: /^5/, text: saying("password expired"), means: trouble("password expired") },
  { to: ["AUTH"], code: /^5/, text: saying("account disabled"), means: trouble("account disabled") },
  // Gmail answers 534 5.7.9 when an application password is wanted: that is the password, not the mechanism.
  { to: ["AUTH"], code: /^534$/, text: /password|browser/i, means: trouble("sign-in refused") },
  { to: ["AUTH"], code: /^(50[0-4]|534)$/, means: trouble("no common sign-in method") },
  { to: ["AUTH"], code: /^5/, means: trouble("sign-in refused") },

  // RFC 4954 6: 530 and 538 to any command; the old 530 of RFC 3207 4 asks for TLS.
  { to: ENVELOPE, code: /^53[08]$/, text: ABOUT_TLS, means: trouble("encryption required") },
  { to: ENVELOPE, code: /^538$/, means: trouble("encryption required") },
  { to: ENVELOPE, code: /^53[05]$/, means: trouble("sign-in required") },
  { to: ["MAIL"], code: /^503$/, text: /auth/i, means: trouble("sign-in required") },
  // Postfix tells it at RCPT only (smtpd_delay_reject).
  { to: ENVELOPE, code: /^5/, text: NOT_THEIR_SENDER, means: trouble("sender not permitted") },
  { to: ENVELOPE, code: /^502$/, means: trouble("protocol error") },
  { to: ["RSET"], code: /./, means: trouble("protocol error") },

  // RFC 3463 3.2, 3.3: X.1 and X.2 are about an address, whatever the words ("this user receives mail too fast").
  { to: ["RCPT"], code: /^4/, enhanced: /^4\.[12]\./, means: FOR_NOW },
  // RFC 3463 3.5: X.4.5 congestion "is useful only as a persistent transient error": Gmail's 550 5.4.5 daily limit is none for good.
  { to: ENVELOPE, code: /./, enhanced: /\.4\.5$/, means: trouble("throttled") },
  { to: ENVELOPE, code: /./, text: TOO_FAST, means: trouble("throttled") },
  // RFC 3463 3.8: X.7 is security or policy. Before any recipient is named it can only mean the sender or the client.
  { to: ["MAIL"], code: /^4/, enhanced: /^4\.7\./, means: trouble("throttled") },
  // RFC 3463 3.4: X.3.1 mail system full, X.3.2 not accepting messages.
  { to: ENVELOPE, code: /^4/, enhanced: /^4\.3\.[12]$/, means: trouble("server busy") },
  { to: ENVELOPE, code: /^452$/, enhanced: /^4\.3\./, means: trouble("server busy") },
  { to: ENVELOPE, code: /^4/, means: FOR_NOW },
  { to: ENVELOPE, code: /^5/, means: FOR_GOOD },

  // RFC 5321 4.2.5: any complete 4yz or 5yz to the final dot leaves the message with the client. It is an answer, never trouble.
  { to: ["content"], code: /^5/, enhanced: /\.4\.5$/, means: FOR_NOW },
  { to: ["content"], code: /^5/, text: TOO_FAST, means: FOR_NOW },
  { to: ["content"], code: /^4/, means: FOR_NOW },
  { to: ["content"], code: /^5/, means: FOR_GOOD },
];

/** The meaning of a reply to a command. Total: what no row knows is out of place. */
export function meaningOf(reply: Reply, command: Command): Meaning {
  const code = String(reply.code);
  const text = reply.lines.join(" ");
  const row = TABLE.find(
    ({ to, ...row }) =>
      to.includes(command) && row.code.test(code) && (row.enhanced?.test(reply.enhanced) ?? true) && (row.text?.test(text) ?? true),
  );
  return row?.means ?? { kind: "out of place" };
}
