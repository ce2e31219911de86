import { openAlert } from "../../ledger/alerts.ts";
import { automaticAnswers } from "../../ledger/automatic-answers.ts";
import type { DecidedMessage } from "../../ledger/decisions.ts";
import { addressKey } from "../../model/address.ts";
import { AUTOMATIC_ANSWERS_AN_HOUR, AUTOMATIC_ANSWERS_IN_MAILBOX_AN_HOUR, type AutomaticAnswer } from "../../model/automatic-answer.ts";
import type { Mailbox } from "../../model/mailbox.ts";
import type { MessageHead } from "../../model/message.ts";
import type { Sql } from "../../model/sql.ts";
import { authorOf } from "../../tracking/author.ts";
import { automatonOf } from "../../tracking/automaton.ts";
import { listing, quote } from "../../tracking/sentence.ts";

/** The code of the alert about a mailbox and a program that answer each other. */
export const LOOP_CODE = "mail loop";

/**
 * What the ledger knows of automatic answers of those who wrote automatic messages among these. One statement, or none.
 * @param except decisions whose own answers are left out
 */
export async function answersBefore(
  sql: Sql,
  organization: string,
  heads: readonly MessageHead[],
  except: readonly number[] = [],
): Promise<AutomaticAnswer[]> {
  const automatic = heads.filter((head) => automatonOf(head) !== null);
  if (automatic.length === 0) return [];
  const senders = new Set(automatic.map((head) => addressKey(authorOf(head)?.address ?? "")));
  const times = automatic.map((head) => head.received.getTime()).filter((time) => !Number.isNaN(time));
  const [from, to] = [Math.min(...times), Math.max(...times)].map((time) => new Date(time));
  if (times.length === 0 || from === undefined || to === undefined) return [];
  return automaticAnswers(sql, organization, { senders: [...senders], from, to, except });
}

/** Alerts to what was cut off, naming both sides. */
export async function alertLoops(sql: Sql, mailbox: Mailbox, decided: readonly DecidedMessage[], now: Date): Promise<void> {
  const senders = new Set(decided.flatMap(({ automaticAnswer, cutsLoop }) => (cutsLoop ? (automaticAnswer?.sender ?? []) : [])));
  if (senders.size === 0) return;
  const names = listing([...senders].map((one) => quote(one)));
  await openAlert(
    sql,
    {
      scope: "mailbox",
      subject: mailbox.id,
      code: LOOP_CODE,
      message: `Mail goes round between ${names} and ${mailbox.address}: more than ${AUTOMATIC_ANSWERS_AN_HOUR} automatic answers within an hour in one conversation, or more than ${AUTOMATIC_ANSWERS_IN_MAILBOX_AN_HOUR} in all. Further ones are not tracked until that ends.`,
      remedy: `Look what in the CRM writes to ${names} by itself, a workflow that confirms each message for instance, and have it leave automatic mail out.`,
    },
    now,
  );
}
