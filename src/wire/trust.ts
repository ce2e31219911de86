/** Whom a TLS connection trusts. */
import { X509Certificate } from "node:crypto";
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";

const PEM = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * Trust in the authorities of Node and of the operating system, and in those of the PEM text, for TLS 1.2 and newer. Costs some 0.1 s:
 * make one and keep it.
 * @returns null when the text holds anything but certificates, or none; OpenSSL would leave them out and say nothing
 */
export function trustIn(authorities: string | null): SecureContext | null {
  const own = authorities === null ? [] : (authorities.match(PEM) ?? []);
  if ((authorities !== null && own.length === 0) || !own.every(isCertificate)) {
    return null;
  }
  const known = [...getCACertificates("default"), ...getCACertificates("system")];
  return createSecureContext({ ca: [...new Set([...known, ...own])], minVersion: "TLSv1.2" });
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    // Node has no other way to ask.
    return false;
  }
}
