import { MAXIMUM_ADDRESS_LENGTH } from "../model/address.ts";
import { REASON } from "../model/decision.ts";
import { claimedAuthors } from "./author.ts";
import { type Gate, pass, skip } from "./gate.ts";
import { no, RULE, yes } from "./rule.ts";
import { listing, quote } from "./sentence.ts";

/** A message that does not say who wrote it belongs to nobody (reason 7). */
export const usableSender: Gate = ({ head, sender }) => {
  if (sender !== null) return pass(yes(RULE.sender, `The message was written by ${quote(sender.address)}.`));
  const given = claimedAuthors(head).filter((one) => one.address.trim() !== "");
  const because =
    given.length === 0
      ? "Neither From nor Sender holds an address."
      : `${listing(given.map((one) => quote(one.address)))} in From or Sender is no address of the form local@domain with at most ${MAXIMUM_ADDRESS_LENGTH} characters.`;
  return skip(no(RULE.sender, because), REASON.invalidSender);
};

/** With OverrideV5SenderConflictResolution a sender who could be several records keeps the message out (product-behaviour 4.8). Who sends from a mailbox is its owner. */
export const senderConflict: Gate = ({ head, facts, sender, senderMatches }) => {
  if (!facts.settings.OverrideV5SenderConflictResolution || head.isSentCopy) return null;
  const settings = { OverrideV5SenderConflictResolution: true };
  const address = quote(sender?.address ?? "");
  if (senderMatches.length < 2) return pass(no(RULE.senderConflict, `${address} stands for no more than one record.`, { settings }));
  const records = senderMatches.map((one) => one.record);
  const names = listing(records.map((one) => `the ${one.type} ${quote(one.name)}`));
  const because = `${address} stands for ${names}, and OverrideV5SenderConflictResolution keeps such messages out.`;
  return skip(yes(RULE.senderConflict, because, { settings, records }), REASON.invalidSender);
};
