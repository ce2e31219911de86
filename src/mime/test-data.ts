/** Builders of winmail.dat files for tests, byte by byte as MS-OXTNEF has them. */

/** A property: its type, its number, its value; `named` where it brings a name along. */
export interface PropertySample {
  readonly type: number;
  readonly id: number;
  readonly value: Buffer;
  readonly named?: number | string;
}

export const short = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
};
export const long = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const filled = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
const wide = (text: string): Buffer => Buffer.from(`${text}\0`, "utf16le");

export const wideText = (id: number, text: string): PropertySample => ({ type: 0x1f, id, value: wide(text) });
export const byteText = (id: number, text: Buffer): PropertySample => ({ type: 0x1e, id, value: Buffer.concat([text, Buffer.alloc(1)]) });
export const binary = (id: number, value: Buffer): PropertySample => ({ type: 0x102, id, value });
export const number = (id: number, value: number): PropertySample => ({ type: 3, id, value: long(value) });

/** The data of an attribute of properties. */
export function properties(...samples: readonly PropertySample[]): Buffer {
  return Buffer.concat([long(samples.length), ...samples.map(property)]);
}

function property({ type, id, value, named }: PropertySample): Buffer {
  const measured = [0x0d, 0x1e, 0x1f, 0x102].includes(type);
  return Buffer.concat([
    short(type),
    short(id),
    ...(named === undefined ? [] : [Buffer.alloc(16, 7), nameOf(named)]),
    ...(measured ? [long(1), long(value.length)] : []),
    filled(value),
  ]);
}

function nameOf(named: number | string): Buffer {
  if (typeof named === "number") return Buffer.concat([long(0), long(named)]);
  return Buffer.concat([long(1), long(wide(named).length), filled(wide(named))]);
}

/** An attribute with its length and its sum. `level`: 1 about the message, 2 about an attachment. */
export function attribute(level: 1 | 2, id: number, data: Buffer): Buffer {
  const sum = data.reduce((total, byte) => (total + byte) & 0xffff, 0);
  return Buffer.concat([Buffer.from([level]), long(id), long(data.length), data, short(sum)]);
}

/** A whole stream of these attributes, with the ones in front that every one has. */
export function tnef(...attributes: readonly Buffer[]): Buffer {
  return Buffer.concat([
    long(0x223e9f78),
    short(1),
    attribute(1, 0x00089006, long(0x00010000)),
    attribute(1, 0x00069007, Buffer.concat([long(1252), long(0)])),
    ...attributes,
  ]);
}

export const messageClass = (name: string): Buffer => attribute(1, 0x00078008, Buffer.from(`${name}\0`));
export const messageProperties = (...samples: readonly PropertySample[]): Buffer => attribute(1, 0x00069003, properties(...samples));

/** The attributes of one file. */
export function tnefFile(title: string, body: Buffer, ...samples: readonly PropertySample[]): Buffer {
  return Buffer.concat([
    attribute(2, 0x00069002, Buffer.concat([short(1), long(0xffffffff), Buffer.alloc(8)])),
    attribute(2, 0x00018010, Buffer.from(`${title}\0`, "latin1")),
    attribute(2, 0x0006800f, body),
    ...(samples.length === 0 ? [] : [attribute(2, 0x00069005, properties(...samples))]),
  ]);
}

/** The attributes of a message attached to the message. */
export function tnefMessage(inside: Buffer): Buffer {
  const value = Buffer.concat([Buffer.from("0703020000000000c000000000000046", "hex"), inside]);
  return Buffer.concat([
    attribute(2, 0x00069002, Buffer.alloc(14)),
    attribute(2, 0x00069005, properties(number(0x3705, 5), { type: 0x0d, id: 0x3701, value })),
  ]);
}

/** PR_RTF_COMPRESSED that is not compressed, which the format allows. */
export function plainRtf(rtf: string): Buffer {
  const bytes = Buffer.from(rtf, "latin1");
  return Buffer.concat([long(bytes.length + 12), long(bytes.length), long(0x414c454d), long(0), bytes]);
}

/** A message with nothing but this winmail.dat, or with a text before it. */
export function messageWith(winmail: Buffer, text: string | null = null): Buffer {
  const parts = [
    ...(text === null ? [] : [`Content-Type: text/plain\r\n\r\n${text}`]),
    `Content-Type: application/ms-tnef; name="winmail.dat"\r\nContent-Transfer-Encoding: base64\r\n\r\n${winmail.toString("base64").replace(/.{76}/g, "$&\r\n")}`,
  ];
  return Buffer.from(
    `Content-Type: multipart/mixed; boundary=w\r\n\r\n${parts.map((part) => `--w\r\n${part}\r\n`).join("")}--w--\r\n`,
    "latin1",
  );
}
