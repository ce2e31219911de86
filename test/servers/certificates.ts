import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

/** A certificate and its private key, as PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface Certificates {
  /** PEM of the authority that signed `server`, `expired`, `notYetValid` and `wrongHost` and `tooWeak`; the `ca` of a client that is to trust them. */
  readonly authority: string;
  /** For localhost and 127.0.0.1, valid now. */
  readonly server: Certificate;
  /** For localhost and 127.0.0.1, valid until yesterday. */
  readonly expired: Certificate;
  /** For localhost and 127.0.0.1, valid from tomorrow on. */
  readonly notYetValid: Certificate;
  /** Valid now, for another host only (`other.example.test`). */
  readonly wrongHost: Certificate;
  /** For localhost and 127.0.0.1, valid now, with an RSA key of 1024 bits. */
  readonly tooWeak: Certificate;
  /** For localhost and 127.0.0.1, valid now, signed by nobody else. */
  readonly selfSigned: Certificate;
  /** A good one for other hosts, signed by `authority`. */
  issueFor(...hosts: string[]): Certificate;
}

const DAY = 86_400_000;
const here: Names = { hosts: ["localhost"], addresses: [[127, 0, 0, 1]] };
const elsewhere: Names = { hosts: ["other.example.test"], addresses: [] };

/** New keys and certificates, the good one and each bad kind that a client must tell apart. Takes some milliseconds. */
export function makeCertificates(now: Date = new Date()): Certificates {
  const from = new Date(now.getTime() - 30 * DAY);
  const until = new Date(now.getTime() + 30 * DAY);
  const authorityKey = newKey();
  const authority: Signer = { name: "Test Authority", ...authorityKey };
  const issue = (names: Names, end: Date, begin = from, own = newKey()): Certificate => {
    return { cert: certificate("Test Server", names, own.publicKey, authority, begin, end, false), key: pem(own.privateKey) };
  };
  const alone = newKey();
  return {
    authority: certificate(authority.name, undefined, authorityKey.publicKey, authority, from, until, true),
    server: issue(here, until),
    expired: issue(here, new Date(now.getTime() - DAY)),
    notYetValid: issue(here, until, new Date(now.getTime() + DAY)),
    wrongHost: issue(elsewhere, until),
    tooWeak: issue(here, until, from, generateKeyPairSync("rsa", { modulusLength: 1024 })),
    issueFor: (...hosts) => issue({ hosts, addresses: [] }, until),
    selfSigned: {
      cert: certificate("Test Server", here, alone.publicKey, { name: "Test Server", ...alone }, from, until, false),
      key: pem(alone.privateKey),
    },
  };
}

/** An RSA key with a certificate, for an application that signs with it; certificates for servers are smaller. */
export function makeRsaCertificate(now: Date = new Date()): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const signer: Signer = { name: "Test Authority", ...newKey() };
  const [from, until] = [new Date(now.getTime() - DAY), new Date(now.getTime() + DAY)];
  return { cert: certificate("Test Application", undefined, publicKey, signer, from, until, false), key: pem(privateKey) };
}

interface Names {
  readonly hosts: readonly string[];
  readonly addresses: readonly (readonly number[])[];
}

interface Signer {
  readonly name: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

function newKey(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

function pem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

/** An X.509 version 3 certificate (RFC 5280 section 4.1) signed with ECDSA and SHA-256. */
function certificate(
  subject: string,
  names: Names | undefined,
  publicKey: KeyObject,
  signer: Signer,
  from: Date,
  until: Date,
  isAuthority: boolean,
): string {
  const algorithm = sequence(oid(1, 2, 840, 10045, 4, 3, 2));
  const extensions = [
    extension([2, 5, 29, 19], true, sequence(...(isAuthority ? [tlv(0x01, Buffer.of(0xff))] : []))),
    // keyCertSign and cRLSign for an authority, digitalSignature for a server.
    extension([2, 5, 29, 15], true, isAuthority ? tlv(0x03, Buffer.of(1, 0x06)) : tlv(0x03, Buffer.of(7, 0x80))),
    extension([2, 5, 29, 14], false, tlv(0x04, keyIdentifier(publicKey))),
    extension([2, 5, 29, 35], false, sequence(tlv(0x80, keyIdentifier(signer.publicKey)))),
  ];
  if (names) {
    const alternatives = [
      ...names.hosts.map((host) => tlv(0x82, Buffer.from(host, "ascii"))),
      ...names.addresses.map((address) => tlv(0x87, Buffer.from(address))),
    ];
    extensions.push(extension([2, 5, 29, 37], false, sequence(oid(1, 3, 6, 1, 5, 5, 7, 3, 1))));
    extensions.push(extension([2, 5, 29, 17], false, sequence(...alternatives)));
  }
  // The first bit of the serial number must be 0, or it would be a negative one.
  const serial = Buffer.concat([Buffer.of(0x01), randomBytes(15)]);
  const toBeSigned = sequence(
    tlv(0xa0, tlv(0x02, Buffer.of(2))),
    tlv(0x02, serial),
    algorithm,
    commonName(signer.name),
    sequence(time(from), time(until)),
    commonName(subject),
    publicKey.export({ type: "spki", format: "der" }),
    tlv(0xa3, sequence(...extensions)),
  );
  const signature = sign("sha256", toBeSigned, signer.privateKey);
  const der = sequence(toBeSigned, algorithm, tlv(0x03, Buffer.of(0), signature));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

function keyIdentifier(publicKey: KeyObject): Buffer {
  return createHash("sha1")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest();
}

function commonName(name: string): Buffer {
  return sequence(tlv(0x31, sequence(oid(2, 5, 4, 3), tlv(0x0c, Buffer.from(name)))));
}

function extension(id: readonly number[], critical: boolean, value: Buffer): Buffer {
  return sequence(oid(...id), ...(critical ? [tlv(0x01, Buffer.of(0xff))] : []), tlv(0x04, value));
}

/** UTCTime, `YYMMDDHHMMSSZ`. */
function time(moment: Date): Buffer {
  return tlv(0x17, Buffer.from(`${moment.toISOString().slice(2, 19).replace(/[-T:]/g, "")}Z`));
}

function oid(...[first = 0, second = 0, ...rest]: number[]): Buffer {
  return tlv(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const digits = [value & 0x7f];
  for (let left = value >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80);
  return digits;
}

function sequence(...content: Buffer[]): Buffer {
  return tlv(0x30, ...content);
}

/** DER: tag, length, value (X.690 section 8.1). */
function tlv(tag: number, ...content: Buffer[]): Buffer {
  const value = Buffer.concat(content);
  const { length } = value;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), value]);
}
