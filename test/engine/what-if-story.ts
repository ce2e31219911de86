/** Two mailboxes that hold what the rules tell apart, to be read by installations with different settings. */
import assert from "node:assert/strict";
import type { EmbeddedConfiguration, FilterName } from "../../src/config.ts";
import type { WhatIfRequest } from "../../src/engine/operations/what-if.ts";
import type { TestDatabase } from "../databases.ts";
import { type Letter, letter, messageIdOf } from "./incoming.ts";
import { addressOf, type EngineRig, type RigApp, receive } from "./rig.ts";
import { askWhatIf, type Outcomes, outcomesIn, type Said } from "./what-if-world.ts";

const DAY = 86_400_000;
/** Ten days ago; each letter comes an hour after the one before it. */
export const BEGINNING = new Date(Math.floor(Date.now() / 1000) * 1000 - 10 * DAY);
/** When the letter of that number comes. */
export const momentOf = (number: number) => new Date(BEGINNING.getTime() + number * 3_600_000);

type Settings = EmbeddedConfiguration["settings"];

/** How an installation is set up. */
export interface Setup {
  readonly ann?: FilterName;
  readonly ben?: FilterName;
  readonly settings?: Settings;
  readonly readFrom?: Date;
}

/** What a server writes that could not deliver an email. */
function bounce(id: string, to: string, about: string): string {
  return [
    `Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.stranger.test\r\nTo: ${to}\r\nSubject: Undelivered\r\nMessage-ID: <${id}>\r\nDate: ${BEGINNING.toUTCString()}`,
    "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n",
    "Reporting-MTA: dns; mx.stranger.test\r\n\r\nFinal-Recipient: rfc822; somebody@stranger.test\r\nAction: failed\r\nStatus: 5.1.1\r\n",
    `--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <${about}>\r\nFrom: ${to}\r\n\r\nText.\r\n--b--\r\n`,
  ].join("\r\n");
}

/** Header of what an absent person's program writes. */
export const AUTOMATIC = "Auto-Submitted: auto-replied\r\n";

/** Two users whose mailboxes hold what the rules tell apart. */
export class Story {
  readonly #rig: EngineRig;
  readonly ann: string;
  readonly ben: string;
  /** People, a tracking token and a subject that no other story of the same database knows. */
  readonly contact: string;
  /** Of the contact, and no contact. */
  readonly colleague: string;
  readonly stranger: string;
  readonly #token: string;
  readonly #visit: string;
  #letters = 0;

  constructor(rig: EngineRig) {
    this.#rig = rig;
    this.ann = this.#rig.newUser();
    this.ben = this.#rig.newUser();
    this.contact = `carla-${this.ann}@customer.test`;
    this.colleague = `cora-${this.ann}@customer.test`;
    this.stranger = `somebody-${this.ann}@stranger.test`;
    this.#token = `CRM:0001${this.ann.replace(/\D/g, "").padStart(3, "0")}`;
    this.#visit = `Your visit to ${this.ann}`;
  }

  /** A letter lies in the mailboxes of these users. */
  async comes(
    name: string,
    users: readonly string[],
    more: Omit<Letter, "id" | "answers"> & { readonly answers?: string; readonly marks?: string; readonly minutes?: number } = {},
  ): Promise<void> {
    const { answers, marks = "", minutes, ...rest } = more;
    const mime = letter({
      from: this.stranger,
      to: users.map(addressOf),
      subject: name,
      ...rest,
      id: this.own(name),
      ...(answers !== undefined && { answers: this.own(answers) }),
    });
    await this.#lies(users, `${marks}${mime}`, minutes);
  }

  async #lies(users: readonly string[], mime: string, minutes = 60 * this.#letters): Promise<void> {
    this.#letters++;
    const internalDate = new Date(BEGINNING.getTime() + minutes * 60_000);
    for (const user of users) await this.#rig.dovecot.append(user, "INBOX", { mime, internalDate });
  }

  /** In the CRM of an installation: an email that went out to the stranger before any of the letters came. */
  async #sends(database: TestDatabase, { crm }: RigApp): Promise<void> {
    const at = (address: string) => ({ address: { name: "", address } });
    const [id = ""] = await crm.createEmails([{ from: at(addressOf(this.ann)), to: [at(this.stranger)], subject: this.#visit }]);
    await crm.sendEmail(id, null, { issueSend: false });
    const before = new Date(BEGINNING.getTime() - DAY);
    await database.query("update crm.email set messageid = $2, senton = $3 where activityid = $1", [
      id,
      messageIdOf(this.own("sent")),
      before,
    ]);
    await database.query("update crm.emailhash set at = $2 where activityid = $1", [id, before]);
  }

  /** A name that no other story has. */
  own(name: string): string {
    return `${this.ann}-${name}`;
  }

  /** Under which the outcomes name one of its letters. */
  key(user: string, name: string): string {
    return `${addressOf(user)} ${messageIdOf(this.own(name))}`;
  }

  /** What became of its letters. */
  async outcomes(database: TestDatabase): Promise<Outcomes> {
    const mine = [this.ann, this.ben].map(addressOf);
    return Object.fromEntries(Object.entries(await outcomesIn(database)).filter(([key]) => mine.includes(key.split(" ")[0] ?? "")));
  }

  /** What other settings are said to make of them. */
  async ask(app: RigApp, request: Partial<WhatIfRequest>): Promise<Said> {
    return askWhatIf(app, { mailboxes: [this.ann, this.ben].map(addressOf), ...request });
  }

  /** The letters of most tests. */
  async arrive(): Promise<void> {
    const { ann, ben } = this;
    await this.comes("from-stranger", [ann]);
    await this.comes("answer-to-stranger", [ann], { answers: "from-stranger" });
    await this.comes("to-both", [ann, ben]);
    await this.comes("early-answer", [ben], { from: this.colleague, answers: "late-question" });
    await this.comes("from-contact", [ben], { from: this.contact });
    await this.comes("answer-to-contact", [ann], { from: this.colleague, answers: "from-contact" });
    await this.comes("forward-of-contact", [ben], { answers: "from-contact", subject: "Fwd: from-contact" });
    await this.comes("late-question", [ann], { from: this.contact });
    await this.comes("with-token", [ann], { from: this.contact, subject: `Order ${this.#token}` });
    await this.comes("token-again", [ann], { from: this.stranger, cc: [this.contact], subject: `Order ${this.#token}` });
    await this.comes("from-inside", [ben], { from: addressOf(ann) });
    await this.comes("away", [ann], { answers: "sent", marks: AUTOMATIC });
    await this.#lies([ann], bounce(messageIdOf(this.own("bounce")), addressOf(ann), messageIdOf(this.own("sent"))));
    await this.comes("like-sent", [ann], { subject: `AW: ${this.#visit}` });
    await this.comes("blind-copy", [ann], { to: ["list@lists.test"] });
  }

  /** A new installation reads both mailboxes to the end. */
  async read<T>(database: TestDatabase, setup: Setup, look: (app: RigApp) => Promise<T>): Promise<T> {
    const mailbox = { readFrom: (setup.readFrom ?? BEGINNING).toISOString() };
    const configuration = this.#rig.configurationFor(
      [
        { name: this.ann, filter: setup.ann ?? "contacts", mailbox },
        { name: this.ben, filter: setup.ben ?? "contacts", mailbox },
      ],
      { settings: setup.settings ?? {} },
    );
    await using app = await this.#rig.open(database, configuration);
    await app.crm.createRecords([{ type: "contact", lastname: "Customer", addresses: [this.contact] }]);
    await this.#sends(database, app);
    let tracked = 1;
    while (tracked > 0) {
      tracked = 0;
      for (const name of [this.ann, this.ben]) {
        const { counts, failures } = await receive(app, name);
        assert.deepEqual(failures, []);
        tracked += counts.tracked;
      }
    }
    return await look(app);
  }
}
