/** What a file of certificate authorities is worth, for whoever has to say so before a server is asked. */
import { X509Certificate } from "node:crypto";

export interface AuthoritiesFound {
  /** Why the file is of no use, and the next step; null when it is of use. */
  readonly fault: string | null;
  /** What is of no use in a file that is of use otherwise. */
  readonly notes: readonly string[];
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g;
const EXPORT = "Export the authority's certificate as PEM (Base64), and name that file here.";

/**
 * Reads what stands in a file that is to hold certificate authorities in PEM (RFC 7468), as `trustIn` will. Pure.
 * @param file its name, for the sentences
 */
export function inspectAuthorities(file: string, content: Buffer, now: Date): AuthoritiesFound {
  const fault = (problem: string): AuthoritiesFound => ({ fault: problem, notes: [] });
  if (content.length === 0) return fault(`${file} is empty. ${EXPORT}`);
  if (certificateIn(content) !== null && !content.includes("-----BEGIN"))
    return fault(
      `${file} holds a certificate in DER form, not in PEM. Convert it: openssl x509 -inform der -in ${file} -out authority.pem`,
    );
  const blocks = [...content.toString("latin1").matchAll(BLOCK)].map(([pem, label = ""]) => ({ pem, label }));
  const pems = blocks.filter(({ label }) => label === "CERTIFICATE").map(({ pem }) => pem);
  if (blocks.length === 0)
    return fault(`${file} is not PEM: nothing in it stands between -----BEGIN CERTIFICATE----- and its end. ${EXPORT}`);
  if (pems.length === 0) return fault(withoutCertificate(file, blocks[0]?.label ?? ""));
  const certificates = pems.map(certificateIn);
  const broken = certificates.indexOf(null);
  if (broken >= 0) return fault(`${which(broken, pems.length)} in ${file} is damaged: it cannot be read as one. ${EXPORT}`);
  const late = certificates.flatMap((one) => (one === null ? [] : outOfTime(one, file, now)));
  return late.length === pems.length ? { fault: late[0] ?? null, notes: late.slice(1) } : { fault: null, notes: late };
}

function withoutCertificate(file: string, label: string): string {
  if (label.endsWith("PRIVATE KEY"))
    return `${file} holds a private key instead of a certificate. Name the file with the authority's certificate here, and keep the key where nobody else reads it.`;
  return `${file} holds PEM of the kind "${label}" and no certificate. ${EXPORT}`;
}

function which(index: number, count: number): string {
  return count === 1 ? "The certificate" : `Certificate ${index + 1} of ${count}`;
}

/** Nothing that such an authority signed is trusted. */
function outOfTime({ subject, validFromDate, validToDate }: X509Certificate, file: string, now: Date): string[] {
  const name = `The certificate authority "${subject.replaceAll("\n", ", ")}" in ${file}`;
  if (validToDate < now) return [`${name} expired on ${day(validToDate)}. Put its present certificate there.`];
  if (validFromDate > now)
    return [
      `${name} is not valid before ${day(validFromDate)}. Look at this machine's clock, or put the certificate there that is valid now.`,
    ];
  return [];
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}

function certificateIn(content: Buffer | string): X509Certificate | null {
  try {
    return new X509Certificate(content);
  } catch {
    // Node has no other way to ask.
    return null;
  }
}
