import { isSevenBit, type Script } from "./charsets.ts";

/** One part of a message, written: its header lines and its body, lines ended by CRLF. */
export interface Part {
  readonly header: readonly string[];
  readonly body: Buffer;
}

export type Encoding = "base64" | "quoted-printable" | "8bit";

/** A text part in the charset of `script`; 7-bit text goes as it is where `encoding` is 8bit. */
export function textPart(script: Script, type: string, text: string, encoding: Encoding): Part {
  const bytes = script.encode(text.replaceAll("\n", "\r\n"));
  const named = encoding === "8bit" && isSevenBit(script) ? "7bit" : encoding;
  return {
    header: [`Content-Type: ${type}; charset=${script.charset}`, `Content-Transfer-Encoding: ${named}`],
    body: encoded(bytes, encoding),
  };
}

/** A file, with its name as the message is to show it; `further` are more header lines. */
export function filePart(type: string, disposition: string, bytes: Buffer, encoding: Encoding, further: readonly string[] = []): Part {
  return {
    header: [
      `Content-Type: ${type}`,
      `Content-Transfer-Encoding: ${encoding}`,
      ...(disposition === "" ? [] : [`Content-Disposition: ${disposition}`]),
      ...further,
    ],
    body: encoded(bytes, encoding),
  };
}

export function multipart(subtype: string, boundary: string, parts: readonly Part[], parameters = ""): Part {
  const pieces = parts.flatMap(({ header, body }) => [
    Buffer.from(`--${boundary}\r\n${header.join("\r\n")}\r\n\r\n`, "latin1"),
    body,
    CRLF,
  ]);
  return {
    header: [`Content-Type: multipart/${subtype};${parameters} boundary="${boundary}"`],
    body: Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`, "latin1")]),
  };
}

export function message(header: readonly string[], part: Part): Buffer {
  return Buffer.concat([Buffer.from(`${[...header, "MIME-Version: 1.0", ...part.header].join("\r\n")}\r\n\r\n`, "latin1"), part.body]);
}

function encoded(bytes: Buffer, encoding: Encoding): Buffer {
  if (encoding === "base64") return Buffer.from(bytes.toString("base64").replace(/.{76}(?=.)/g, "$&\r\n"), "latin1");
  return encoding === "quoted-printable" ? quotedPrintable(bytes) : bytes;
}

/** RFC 2045 6.7: lines of at most 76 characters, blanks at their ends encoded. */
function quotedPrintable(bytes: Buffer): Buffer {
  const lines: string[] = [];
  for (const line of bytes.toString("latin1").split("\r\n")) {
    let written = "";
    for (let at = 0; at < line.length; at += 1) {
      const code = line.charCodeAt(at);
      const last = at === line.length - 1;
      const plain = (code >= 0x21 && code <= 0x7e && code !== 0x3d) || (code === 0x20 && !last);
      const piece = plain ? line.charAt(at) : `=${code.toString(16).toUpperCase().padStart(2, "0")}`;
      if (written.length + piece.length > 75) {
        lines.push(`${written}=`);
        written = "";
      }
      written += piece;
    }
    lines.push(written);
  }
  return Buffer.from(lines.join("\r\n"), "latin1");
}

/** An unstructured value as encoded words (RFC 2047), each with whole characters and below 75 characters. */
export function encodedWords(script: Script, text: string, encoding: "B" | "Q"): string {
  const words: string[] = [];
  let piece = "";
  const word = (of: string): string =>
    `=?${script.charset}?${encoding}?${encoding === "B" ? script.encode(of).toString("base64") : qWord(script.encode(of))}?=`;
  for (const character of text) {
    if (word(piece + character).length > 74) {
      words.push(word(piece));
      piece = "";
    }
    piece += character;
  }
  words.push(word(piece));
  return words.join("\r\n ");
}

function qWord(bytes: Buffer): string {
  return [...bytes]
    .map((byte) => (byte === 0x20 ? "_" : /[A-Za-z0-9]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : hex(byte, "=")))
    .join("");
}

/** A file name as RFC 2231 has it: in sections where it is long. */
export function extendedName(name: string): string {
  const bytes = [...Buffer.from(name, "utf8")].map((byte) =>
    /[A-Za-z0-9.-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : hex(byte, "%"),
  );
  if (bytes.join("").length <= 60) return `filename*=utf-8''${bytes.join("")}`;
  const sections: string[] = [];
  for (let at = 0; at < bytes.length; at += 20) sections.push(bytes.slice(at, at + 20).join(""));
  return sections.map((section, index) => `filename*${index}*=${index === 0 ? "utf-8''" : ""}${section}`).join(";\r\n ");
}

function hex(byte: number, mark: string): string {
  return `${mark}${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

const CRLF = Buffer.from("\r\n");
