import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Dovecot } from "./dovecot.ts";
import { account } from "./processes.ts";

/** What a made message depends on, besides its number. */
export interface MadeFolder {
  readonly messages: number;
  /** The account, and the addressee of all messages. */
  readonly user: string;
  /** Every so manyth message comes from `customerOf`; 0 for none. */
  readonly customerEvery: number;
}

/** Senders who are in the CRM when a test puts them there. */
export const CUSTOMERS = 500;

export function customerAddress(number: number): string {
  return `customer${number % CUSTOMERS}@customers.test`;
}

/**
 * Fills the inbox of an account that was never opened with so many messages, by writing the files of a Maildir: a hundred thousand take
 * seconds, where APPEND would take minutes. Their header blocks measure 0.6 to 3 KB, about 1 KB on average.
 */
export function fillInbox(dovecot: Dovecot, folder: MadeFolder): void {
  const home = path.join(dovecot.folder, "mail", folder.user);
  const maildir = path.join(home, "maildir");
  for (const name of ["cur", "new", "tmp"]) mkdirSync(path.join(maildir, name), { recursive: true });
  for (let number = 0; number < folder.messages; number += 1) {
    const mime = madeMessage(number, folder);
    // Size and virtual size (lines end in CRLF) stand in the name, so that the server need not open the file for them.
    const lines = mime.split("\n").length - 1;
    const name = `${1_700_000_000 + number}.M${number}P1.made,S=${mime.length},W=${mime.length + lines}:2,${number % 3 === 0 ? "" : "S"}`;
    writeFileSync(path.join(maildir, "cur", name), mime, "latin1");
  }
  // The server has to be able to rename the files, which is a right in their folder: they need not be its own.
  if (process.getuid?.() === 0) {
    for (const one of [path.dirname(home), home, maildir, ...["cur", "new", "tmp"].map((name) => path.join(maildir, name))])
      chownSync(one, account.uid, account.gid);
  }
}

/** One message, ASCII with LF: a person's letter, an answer in a thread, a newsletter or a machine's notice. */
export function madeMessage(number: number, { user, customerEvery }: MadeFolder): string {
  const fromCustomer = customerEvery > 0 && number % customerEvery === 0;
  const sender = fromCustomer ? customerAddress(number / customerEvery) : `person${number % 3000}@firm${number % 700}.test`;
  const others = Array.from({ length: number % 7 === 0 ? 12 : number % 3 }, (_, index) => {
    const one = (number * 31 + index * 17) % 4000;
    return `"Somebody Number ${one}" <somebody${one}@partners${one % 90}.test>`;
  });
  // Answers go to answers, whose numbers are never a customer's: what is tracked is exactly what customers wrote.
  const earlier = (back: number) => `<made.${number - 4 * back}.letter@firm.test>`;
  const answers = number % 4 === 1 ? Array.from({ length: 1 + (number % 9) }, (_, index) => earlier(1 + (number % 9) - index)) : [];
  const isNewsletter = number % 5 === 2;
  return [
    `Return-Path: <bounce+${number}@mailer.firm.test>`,
    `Received: from mx${number % 4}.firm.test (mx${number % 4}.firm.test [192.0.2.${number % 250}])\n\tby mail.example.test (Postfix) with ESMTPS id ${number.toString(16)}\n\tfor <${user}@example.test>; ${dateOf(number)}`,
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=firm.test; s=one; h=from:to:subject:date;\n\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=" +
      "Zm9v".repeat(43),
    `From: "Person Number ${number % 3000}" <${sender}>`,
    `To: ${[`<${user}@example.test>`, ...others.slice(0, 6)].join(",\n\t")}`,
    ...(others.length > 6 ? [`Cc: ${others.slice(6).join(",\n\t")}`] : []),
    `Subject: ${answers.length > 0 ? "Re: " : ""}${number % 6 === 0 ? "=?utf-8?Q?Angebot_f=C3=BCr_die_Lieferung_Nr=2E?= " : "About the delivery of order "}${number}`,
    `Date: ${dateOf(number)}`,
    `Message-ID: <made.${number}.letter@firm.test>`,
    ...(answers.length > 0 ? [`In-Reply-To: ${answers.at(-1)}`, `References: ${answers.join("\n\t")}`] : []),
    ...(isNewsletter ? ["List-Id: News of the firm <news.firm.test>", `List-Unsubscribe: <https://firm.test/leave?who=${number}>`] : []),
    ...(number % 11 === 0 ? ["Auto-Submitted: auto-generated", "Precedence: bulk"] : []),
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "",
    `Good morning,\n\nthis is letter number ${number}.\n${"It says again what the letters before it have said already. ".repeat(1 + (number % 20))}\n`,
  ].join("\n");
}

function dateOf(number: number): string {
  return new Date(1_700_000_000_000 + number * 1000).toUTCString().replace("GMT", "+0000");
}
