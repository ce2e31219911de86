/** The fixed messages of the test of advice, as mail on a real server beside records of a real CRM. */
import assert from "node:assert/strict";
import type { Configuration, FilterName } from "../../src/config.ts";
import { type Address, addressKey } from "../../src/model/address.ts";
import { AUTOMATIC_ANSWERS_AN_HOUR } from "../../src/model/automatic-answer.ts";
import { isServer } from "../../src/model/delivery-report.ts";
import type { EarlierEmail, Voter } from "../../src/model/facts.ts";
import type { AddressMatch } from "../../src/model/record.ts";
import type { FilterMethod } from "../../src/model/settings.ts";
import type { Wish } from "../../src/model/wish.ts";
import type { Advised } from "../../src/tracking/advice.ts";
import { short } from "../../src/tracking/advice-test-data.ts";
import type { Change } from "../../src/tracking/change.ts";
import { conversationBase } from "../../src/tracking/conversation.ts";
import { ANN, BEN, context, facts, head, RECEIVED, type Situation, SUPPORT } from "../../src/tracking/test-data.ts";
import type { TestDatabase } from "../databases.ts";
import { addressOf, type EngineRig, type RigApp, type RigUser, receive } from "./rig.ts";

type Queue = Configuration["queues"][number];

const FILTERS: Readonly<Record<FilterMethod, FilterName>> = { 0: "all", 1: "replies", 2: "contacts", 3: "records", 4: "none" };
const DAY = 86_400_000;
/** The fixed messages came at one moment; here that was ten days ago. */
const LATER = Math.floor(Date.now() / 1000) * 1000 - 10 * DAY - RECEIVED.getTime();
/** Who does it. */
export const BY = "Cleo";
const RECORDS = ["contact", "lead", "account"] as const;

const shifted = (date: Date) => new Date(date.getTime() + LATER);

/** One of the messages, with people, ids and mailboxes of its own. */
export class AdviceWorld {
  readonly name: string;
  readonly #rig: EngineRig;
  readonly #given: Situation;
  /** Accounts by the addresses of users and queues in the list. */
  readonly #accounts = new Map<string, string>();
  /** What stands in the list, by what stands here. */
  readonly #origins = new Map<string, string>();
  readonly #number: string;
  readonly #voters: readonly Voter[];

  constructor(rig: EngineRig, name: string, given: Situation) {
    this.name = name;
    this.#rig = rig;
    this.#given = given;
    this.#voters = [...new Set([...facts(given.facts).voters.values()].flat())];
    const named = JSON.stringify([given, this.#voters]);
    for (const one of [ANN, BEN, SUPPORT]) if (named.includes(one)) this.#accounts.set(one, rig.newUser());
    this.#number = [...this.#accounts.values()][0]?.replace(/\D/g, "") ?? "";
  }

  /** Users and queues, and their mailboxes, after these changes. */
  configured(changes: readonly Change[] = []): { readonly users: RigUser[]; readonly queues: Queue[] } {
    const early = changes.find((one) => one.kind === "start date");
    const readFrom = early?.kind === "start date" ? early.at.toISOString() : this.readFrom();
    const filterOf = (voter: Voter, account: string): FilterMethod => {
      const change = changes.find((one) => one.kind === "filter" && one.of.name === account);
      return change?.kind === "filter" ? change.method : voter.filter;
    };
    const users: RigUser[] = [];
    const queues: Queue[] = [];
    for (const voter of this.#voters) {
      const name = this.#account(voter.addresses[0] ?? "");
      const filter = FILTERS[filterOf(voter, name)];
      if (voter.record.type !== "queue") users.push({ name, filter, mailbox: { readFrom, outgoing: false } });
      else if (filter !== "none") queues.push({ name, email: addressOf(name), aliases: [], filter });
    }
    return { users, queues };
  }

  /** The start date of its mailboxes. */
  readFrom(): string {
    return shifted(context(this.#given.context).mailbox.startDate).toISOString();
  }

  /** The account in whose mailbox the message lies: that of the owner, or of a recipient. */
  get account(): string {
    const { to } = head(this.#given.head);
    const addressed = this.#voters.find(({ addresses }) => to.some(({ address }) => addresses.includes(address)));
    return this.#account((addressed ?? this.#voters[0])?.addresses[0] ?? ANN);
  }

  /** The mail is there, and in the CRM is what it had before. */
  async begins(database: TestDatabase, app: RigApp): Promise<void> {
    for (const one of this.#given.facts?.records ?? []) await this.#record(database, app, one);
    const { byMessageId = [], byToken = [], byConversation = {}, hashed = [] } = this.#given.facts ?? {};
    for (const email of [...byMessageId, ...byToken, ...hashed]) await this.#email(database, app, email);
    for (const [base, emails] of Object.entries(byConversation))
      for (const email of emails) await this.#email(database, app, { ...email, conversationIndex: base });
    const one = head(this.#given.head);
    for (let before = this.#given.context?.answersBefore === undefined ? 0 : AUTOMATIC_ANSWERS_AN_HOUR; before > 0; before--)
      await this.#comes({ ...one, received: new Date(one.received.getTime() - before * 60_000) }, `before-${before}-`);
    await this.#comes(one, "");
  }

  /** Whether a person says something of the message before anything is advised, and says it. */
  async isSaid(app: RigApp): Promise<boolean> {
    const { wish } = this.#given.context ?? {};
    if (wish === undefined) return false;
    await this.#says(app, wish.verb);
    return true;
  }

  async #says(app: RigApp, verb: Wish["verb"]): Promise<void> {
    if (verb === "track") await app.operations.track(this.id(), null, BY);
    else await app.operations.untrack(this.id(), true, BY);
  }

  /** A later message like it comes. */
  async comesAgain(): Promise<void> {
    const one = head(this.#given.head);
    const next = (date: Date) => new Date(date.getTime() + DAY);
    await this.#comes({ ...one, received: next(one.received), date: one.date && next(one.date) }, "again-");
  }

  /** Those who are disabled are so, unless a change enables them; Waypost enables whoever stands in its configuration. */
  async disables(database: TestDatabase, changes: readonly Change[] = []): Promise<void> {
    const enabled = changes.flatMap((one) => (one.kind === "enable" ? one.record.name : []));
    for (const { disabled, addresses } of this.#voters) {
      const account = this.#account(addresses[0] ?? "");
      if (disabled && !enabled.includes(account))
        await database.query("update crm.systemuser set isdisabled = true where internalemailaddress = $1", [addressOf(account)]);
    }
  }

  /** Does what is no matter of the configuration. */
  async does(database: TestDatabase, app: RigApp, change: Change): Promise<void> {
    switch (change.kind) {
      case "new contact":
        if (change.hasRecords) await app.crm.createRecords([{ type: "contact", lastname: "New", addresses: [change.address] }]);
        else await app.operations.contact(change.address, { name: null, organization: null }, BY);
        return;
      case "one record":
        for (const table of RECORDS)
          await database.query(`update crm.${table} set emailaddress1 = null where lower(emailaddress1) = $1 and ${table}id <> $2`, [
            addressKey(change.address),
            change.record.id,
          ]);
        return;
      case "new recipient":
        await app.crm.putQueues([{ name: `Of ${change.address}`, address: change.address, filter: 0 }]);
        return;
      case "question": {
        const question = {
          ...head(),
          messageId: this.#origin(change.messageId),
          received: new Date(RECEIVED.getTime() - DAY),
          subject: "Question",
        };
        // Who answers it got it: a stranger's answer to what others wrote would join nothing.
        const cc = head(this.#given.head).from;
        await this.#comes({ ...question, to: [{ name: "", address: this.#origin(addressOf(this.account)) }], cc }, "");
        await receive(app, this.account);
        await app.operations.track(change.messageId, null, BY);
        return;
      }
      case "by hand":
        await this.#says(app, change.verb);
        return;
      default:
        return;
    }
  }

  /** Message-ID. */
  id(prefix = ""): string {
    return this.#own(`${prefix}${head(this.#given.head).messageId}`);
  }

  async outcome(app: RigApp, prefix = ""): Promise<string | undefined> {
    return (await this.#explained(app, prefix))?.outcome;
  }

  async advised(app: RigApp): Promise<Advised | undefined> {
    return (await this.#explained(app, ""))?.advice ?? undefined;
  }

  async #explained(app: RigApp, prefix: string) {
    const { incoming } = await app.operations.explain(this.id(prefix), BY);
    return incoming.find(({ mailbox }) => mailbox === addressOf(this.account));
  }

  /** What explain advises, as it stands in the list. */
  told(changes: readonly Change[]): string {
    return changes.map((change) => short(this.#original(change))).join(" + ");
  }

  #original(change: Change): Change {
    switch (change.kind) {
      case "filter":
        return { ...change, of: { ...change.of, name: this.#nameOf(change.of.name) } };
      case "enable":
        return { ...change, record: { ...change.record, name: this.#nameOf(change.record.name) } };
      case "start date":
        return { ...change, at: new Date(change.at.getTime() - LATER) };
      case "one record":
        return { ...change, record: { ...change.record, id: `${change.record.type}-bob` } };
      case "new contact":
      case "new recipient":
        return { ...change, address: this.#origin(change.address) };
      case "question":
        return { ...change, messageId: this.#origin(change.messageId) };
      default:
        return change;
    }
  }

  #nameOf(account: string): string {
    const [at = ""] = [...this.#accounts].find(([, one]) => one === account) ?? [];
    return this.#voters.find(({ addresses }) => addresses.includes(at))?.record.name ?? account;
  }

  #account(listed: string): string {
    const account = this.#accounts.get(listed);
    assert.ok(account !== undefined, `${this.name}: ${listed} has no account`);
    return account;
  }

  /** An address, a Message-ID or a token of this message only. Servers write under names that tell them. */
  #own(text: string): string {
    const account = this.#accounts.get(text);
    const own =
      account !== undefined
        ? addressOf(account)
        : isServer({ name: "", address: text })
          ? text
          : text.replace(/CRM:0001\d{3}/, `CRM:0001${this.#number.padStart(3, "0")}`).replace(/^(.+)@/, `$1-${this.#number}@`);
    this.#origins.set(own, text);
    return own;
  }

  #origin(own: string): string {
    return this.#origins.get(own) ?? own;
  }

  async #record(database: TestDatabase, app: RigApp, { address, record, active }: AddressMatch): Promise<void> {
    const type = RECORDS.find((one) => one === record.type);
    assert.ok(type !== undefined, `${this.name}: ${record.type}`);
    await app.crm.createRecords([{ type, name: record.name, lastname: record.name, addresses: [this.#own(address)] }]);
    if (!active) await database.query(`update crm.${type} set statecode = 1 where emailaddress1 = $1`, [this.#own(address)]);
  }

  async #email(database: TestDatabase, app: RigApp, email: EarlierEmail): Promise<void> {
    const party = (address: string) => ({ address: { name: "", address: this.#own(address) } });
    const from = email.senderAddress ?? ANN;
    const to = email.participants.filter((one) => one !== from);
    const [id = ""] = await app.crm.createEmails([{ from: party(from), to: to.map(party), subject: this.#own(email.subject) }]);
    await app.crm.sendEmail(id, null, { issueSend: false });
    const index = email.conversationIndex === null ? null : this.#index(email.conversationIndex);
    await database.query(
      `update crm.email set messageid = $2, senton = $3::timestamptz, trackingtoken = $4, conversationindex = $5, baseconversationindex = $6, directioncode = $7::boolean,
         receivedon = case when $7::boolean then null else $3::timestamptz end, sender = $8 where activityid = $1`,
      [
        id,
        this.#own(email.messageId ?? ""),
        shifted(email.at),
        email.trackingToken === null ? null : this.#own(email.trackingToken),
        index,
        conversationBase(index),
        email.direction === "outgoing",
        // In the list Ann is the sender of what strangers wrote to each other too, but the CRM counts the sender among those who are on it.
        this.#own(from !== ANN || email.participants.includes(ANN) ? from : (email.participants[0] ?? from)),
      ],
    );
    await database.query("delete from crm.activityparty where activityid = $1 and addressused <> all($2::text[])", [
      id,
      email.participants.map((one) => this.#own(one)),
    ]);
    await database.query("update crm.emailhash set at = $2 where activityid = $1", [id, shifted(email.at)]);
  }

  async #comes(one: ReturnType<typeof head>, prefix: string): Promise<void> {
    await this.#rig.dovecot.append(this.account, "INBOX", { mime: this.#mime(one, prefix), internalDate: shifted(one.received) });
  }

  #mime(one: ReturnType<typeof head>, prefix: string): string {
    const list = (field: string, addresses: readonly Address[]) =>
      addresses.length === 0 ? [] : [`${field}: ${addresses.map(({ name, address }) => written(name, this.#own(address))).join(", ")}`];
    const ids = (field: string, all: readonly string[]) =>
      all.length === 0 ? [] : [`${field}: ${all.map((id) => `<${this.#own(id)}>`).join(" ")}`];
    return [
      ...list("From", one.from),
      ...list("To", one.to),
      ...list("Cc", one.cc),
      `Subject: ${this.#own(one.subject)}`,
      ...(one.date === null ? [] : [`Date: ${shifted(one.date).toUTCString()}`]),
      ...ids("Message-ID", one.messageId === null ? [] : [`${prefix}${one.messageId}`]),
      ...ids("In-Reply-To", one.inReplyTo),
      ...ids("References", one.references),
      ...(one.conversationIndex === null ? [] : [`Thread-Index: ${this.#index(one.conversationIndex)}`]),
      ...one.headers.map(([name, value]) => `${name}: ${value}`),
      ...this.#content(),
    ].join("\r\n");
  }

  #content(): string[] {
    const about = this.#given.context?.report?.about[0];
    if (about === undefined) return ["", `The body of ${this.#number}.`, ""];
    const status = [
      "Reporting-MTA: dns; mx.example",
      "",
      "Final-Recipient: rfc822; bob@customer.example",
      "Action: failed",
      "Status: 5.1.1",
    ];
    const original = [`Message-ID: <${this.#own(about)}>`, "", "Text."];
    return [
      ...["MIME-Version: 1.0", "Content-Type: multipart/report; report-type=delivery-status; boundary=b", ""],
      ...["--b", "Content-Type: message/delivery-status", "", ...status, ""],
      ...["--b", "Content-Type: message/rfc822", "", ...original, "--b--", ""],
    ];
  }

  #index(index: string): string {
    const bytes = Buffer.from(index, "base64");
    bytes.writeUInt32BE(Number(this.#number), 8);
    return bytes.toString("base64");
  }
}

function written(name: string, address: string): string {
  return name === "" ? address : `${name} <${address}>`;
}
