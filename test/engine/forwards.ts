import { addressOf } from "./rig.ts";

/** Where the server that hands over users' forwards has its address in these tests. */
export const FORWARDING_SERVER = "10.0.0.5";

export interface Forward {
  /** The account of the user in whose name it comes. */
  readonly from: string;
  /** Who handed it over. Default: the forwarding server. */
  readonly client?: string;
  readonly encoding?: "7bit" | "base64";
}

/** A message with these as attachments, as it lies behind the server that took it. */
export function forward(originals: readonly string[], { from, client = FORWARDING_SERVER, encoding = "7bit" }: Forward): string {
  const encoded = (original: string) =>
    encoding === "7bit"
      ? original
      : (
          Buffer.from(original)
            .toString("base64")
            .match(/.{1,76}/g) ?? []
        ).join("\r\n");
  const parts = originals.map(
    (one) =>
      `--outer\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${encoded(one)}\r\n`,
  );
  return [
    `Received: from mail.example.test (mail.example.test [${client}]) by sink.example.test (Postfix) with ESMTPS id 1; Mon, 02 Mar 2026 10:00:01 +0000`,
    `From: ${addressOf(from)}`,
    "Subject: FW: what came",
    "Date: Mon, 02 Mar 2026 10:00:00 +0000",
    `Message-ID: <${crypto.randomUUID()}@example.test>`,
    "MIME-Version: 1.0",
    "Content-Type: multipart/mixed; boundary=outer",
    "",
    `--outer\r\nContent-Type: text/plain\r\n\r\n\r\n${parts.join("")}--outer--\r\n`,
  ].join("\r\n");
}
