import type { Endpoint } from "../src/model/mailbox.ts";

/** A server over TLS, as a profile without further settings describes it. */
export function endpointOver(protocol: Endpoint["protocol"], port: number): Endpoint {
  return {
    protocol,
    host: "mail.example.test",
    port,
    security: "tls",
    authentication: "auto",
    certificateAuthorities: null,
    verifyCertificate: true,
    timeout: 1000,
  };
}
