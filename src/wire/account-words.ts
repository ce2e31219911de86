/** What servers say, whatever the protocol, when the password is not what is wrong: no other one would help. */

const PASSWORD_EXPIRED = /password[^.]{0,20} (has |is )?expired|expired password|password (must|has to|needs to) be (changed|reset)/i;

const STOPPED = "(disabled|deactivated|suspended|inactive|blocked)";

/** A mailbox that is "locked" may be in use; an account that is may not sign in, unless it is by another session. */
const ACCOUNT_DISABLED = new RegExp(
  `\\b(account|user|mailbox)\\b[^.]{0,40}${STOPPED}|account_${STOPPED}|${STOPPED} (user|account|mailbox)\\b|\\baccount\\b[^.]{0,30}\\b(locked|expired)\\b|\\blocked out\\b`,
  "i",
);
const BY_ANOTHER = /\b(another|session|process)\b/i;

export type AccountTrouble = "account disabled" | "password expired";

/** Null: the words speak of neither. */
export function accountTrouble(text: string): AccountTrouble | null {
  if (PASSWORD_EXPIRED.test(text)) return "password expired";
  return ACCOUNT_DISABLED.test(text) && !BY_ANOTHER.test(text) ? "account disabled" : null;
}
