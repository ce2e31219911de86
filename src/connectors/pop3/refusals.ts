import { accountTrouble } from "../../wire/account-words.ts";
import type { Pop3Capabilities } from "./capabilities.ts";
import type { Pop3Trouble } from "./failures.ts";
import type { Reply } from "./reply.ts";

/** When a server said no. */
export type Moment = "greeting" | "sign in" | "later";

const SOON_OVER = /try (again )?later|temporar|unavailable|internal error/i;

const POP3_OFF = /(pop|pop3|protocol).*(disabled|not (enabled|allowed|permitted))|(disabled|not (enabled|allowed)) .*\bpop3?\b/i;

/** What a server says in its own words where it gives no code; the first row that fits. */
const WORDS: readonly (readonly [RegExp, Pop3Trouble])[] = [
  [/too many .*(connection|session)|(connection|session)s? limit|maximum number of (connection|session)s/i, "too many connections"],
  [/\b(lock(ed)?|in use|busy|another (session|client|process)|already (open|logged))\b/i, "mailbox in use"],
  [/\b(too (soon|often|frequent)|wait .*(second|minute)|login delay)/i, "sign-in too soon"],
  [SOON_OVER, "sign-in not available"],
];

/** Causes that the words name and the codes AUTH and SYS/PERM hide: servers give AUTH to everybody whom they do not let in. */
const NO_PASSWORD_HELPS: ReadonlySet<string> = new Set([
  "POP3 not enabled",
  "account disabled",
  "password expired",
] satisfies Pop3Trouble[]);

/** Said with the code AUTH too, though no password in the world would help. */
const NEEDS_TLS =
  /plain ?text|clear ?text|non-secure|(requires?|only (over|with)|use) (ssl|tls|encryption|stls)|(ssl|tls|encryption) (is )?required/i;

const BY_CODE: Readonly<Record<string, Pop3Trouble>> = {
  // RFC 2449 8.1.1.
  "IN-USE": "mailbox in use",
  "LOGIN-DELAY": "sign-in too soon",
  // RFC 3206 5.
  AUTH: "sign-in refused",
};

/** Codes of RFC 3206 that mean another thing at each moment. */
const TEMPORARY: Readonly<Record<Moment, Pop3Trouble>> = {
  greeting: "server busy",
  "sign in": "sign-in not available",
  later: "mailbox unavailable",
};

/**
 * Whether a refusal to hand out a message speaks of the server's own state. That alone acquits no message: Dovecot says [SYS/TEMP] of a damaged
 * one each time. Of an optional command only the code counts: a server that does not know it says that it is unavailable, too.
 */
export function isTemporary({ code, text }: Reply, optional: boolean): boolean {
  return code === "SYS/TEMP" || (code === null && !optional && SOON_OVER.test(text));
}

/** What a refusal means. Total: a refusal that says nothing is about the password at sign-in, and about the mailbox later. */
export function troubleOf({ code, text }: Reply, moment: Moment, { tellsAuth }: Pick<Pop3Capabilities, "tellsAuth">): Pop3Trouble {
  if (moment !== "later" && NEEDS_TLS.test(text)) return "encryption required";
  const said = saidBy(text);
  if (code === "SYS/TEMP") return TEMPORARY[moment];
  if ((code === "AUTH" || code === "SYS/PERM") && said !== undefined && NO_PASSWORD_HELPS.has(said)) return said;
  if (code === "SYS/PERM") return "mailbox damaged";
  const coded = BY_CODE[code ?? ""];
  if (coded !== undefined) return coded;
  if (moment === "greeting") return said === "too many connections" ? said : TEMPORARY.greeting;
  if (said !== undefined) return said === "sign-in not available" ? TEMPORARY[moment] : said;
  return moment === "later" || tellsAuth ? TEMPORARY[moment] : "sign-in refused";
}

function saidBy(text: string): Pop3Trouble | undefined {
  if (POP3_OFF.test(text)) return "POP3 not enabled";
  return accountTrouble(text) ?? WORDS.find(([words]) => words.test(text))?.[1];
}
