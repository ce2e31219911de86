/** RFC 6186 and RFC 8314 section 5.1: servers by DNS SRV records. Pure. */
import { hostName, isWithin, portOf } from "./domain.ts";
import type { Answer, Evidence, MailProtocol, Note } from "./found.ts";

export interface SrvRecord {
  /** The target; `.` or empty: the service is not offered (RFC 2782). */
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

export interface MailService {
  readonly label: string;
  readonly protocol: MailProtocol;
  readonly security: "tls" | "starttls";
}

/** TLS from the first byte goes first (RFC 8314 section 3). */
export const MAIL_SERVICES: readonly MailService[] = [
  { label: "_imaps._tcp", protocol: "imap", security: "tls" },
  { label: "_imap._tcp", protocol: "imap", security: "starttls" },
  { label: "_pop3s._tcp", protocol: "pop3", security: "tls" },
  { label: "_pop3._tcp", protocol: "pop3", security: "starttls" },
  { label: "_submissions._tcp", protocol: "smtp", security: "tls" },
  { label: "_submission._tcp", protocol: "smtp", security: "starttls" },
];

/** Records of one service that are taken. */
const MAXIMUM_RECORDS = 8;

/**
 * What the records of one service say. Nobody vouches for them here, as this program cannot see whether DNSSEC does: a target outside of the
 * domain is to be confirmed by a person (RFC 6186 section 6).
 */
export function srvAnswer(domain: string, service: MailService, records: readonly SrvRecord[]): Answer {
  const place = `${service.label}.${domain}`;
  if (records.length === 0) return { settings: [], notes: [] };
  const offered = inOrder(records).filter(({ name }) => name !== "" && name !== ".");
  if (offered.length === 0)
    return { settings: [], notes: [note(place, "hint", `The domain says that it does not offer ${named(service)}.`)] };
  const settings = offered.slice(0, MAXIMUM_RECORDS).flatMap((record) => {
    const host = hostName(record.name);
    const port = portOf(record.port);
    if (host === null || port === null) return [];
    const evidence = evidenceOf(place, domain, host);
    return [{ settings: { protocol: service.protocol, host, port, security: service.security, username: null, signIn: [] }, evidence }];
  });
  return { settings, notes: settings.length > 0 ? [] : [note(place, "failed", "Its records name no host that can be.")] };
}

function evidenceOf(place: string, domain: string, host: string): Evidence {
  if (isWithin(host, domain)) return { method: "DNS SRV", place, trust: "published", doubts: [] };
  const doubt = `DNS alone says that ${host}, outside of ${domain}, is the server; make sure that it belongs to your provider.`;
  return { method: "DNS SRV", place, trust: "to be confirmed", doubts: [doubt] };
}

/** Lowest priority first, then the heaviest: chance between equals (RFC 2782) is for clients that share load. */
export function inOrder(records: readonly SrvRecord[]): readonly SrvRecord[] {
  return [...records].sort((a, b) => a.priority - b.priority || b.weight - a.weight || (a.name < b.name ? -1 : 1));
}

function named({ protocol, security }: MailService): string {
  return `${protocol === "smtp" ? "submission" : protocol.toUpperCase()} ${security === "tls" ? "over TLS" : "with STARTTLS"}`;
}

function note(place: string, outcome: Note["outcome"], message: string): Note {
  return { method: "DNS SRV", place, outcome, message };
}
