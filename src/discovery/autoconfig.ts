/** Thunderbird's autoconfig documents (draft-ietf-mailmaint-autoconfig, config-v1.1.xml). Pure. */
import type { Security } from "../model/mailbox.ts";
import { filledIn, hostName, portOf, usernameOf } from "./domain.ts";
import type { MailProtocol, Settings, SignIn } from "./found.ts";
import { childrenOf, type Element, readXml, textOf, XmlRefused } from "./xml.ts";

/** Servers taken from one document; honest ones name up to six. */
export const MAXIMUM_SERVERS = 20;

const SECURITY: Readonly<Record<string, Security>> = { ssl: "tls", tls: "tls", starttls: "starttls", plain: "none" };

const SIGN_IN: Readonly<Record<string, SignIn>> = {
  "password-cleartext": "password",
  plain: "password",
  "password-encrypted": "encrypted password",
  secure: "encrypted password",
  ntlm: "ntlm",
  gssapi: "kerberos",
  "tls-client-cert": "certificate",
  oauth2: "oauth",
  "client-ip-address": "none",
  none: "none",
};

const PROTOCOLS: Readonly<Record<string, readonly MailProtocol[]>> = { incomingServer: ["imap", "pop3"], outgoingServer: ["smtp"] };

/** The two places where a domain publishes its document; the first is told the address, because user names may depend on it. */
export function autoconfigPlaces(domain: string, address: string): readonly string[] {
  return [
    `https://autoconfig.${domain}/mail/config-v1.1.xml?emailaddress=${encodeURIComponent(address)}`,
    `https://${domain}/.well-known/autoconfig/mail/config-v1.1.xml`,
  ];
}

/** Mozilla's database of providers. It learns the domain, and nothing else. */
export function ispdbPlace(domain: string): string {
  return `https://autoconfig.thunderbird.net/v1.1/${domain}`;
}

export interface AutoconfigDocument {
  readonly settings: readonly Settings[];
  /** Protocols named there that are none of mail by IMAP, POP3 and SMTP, like `exchange` or `ews`. */
  readonly otherProtocols: readonly string[];
}

/** Reads a document in its own order of preference; a server that it describes wrongly is left out. Throws XmlRefused. */
export function readAutoconfig(document: string, address: string): AutoconfigDocument {
  const root = readXml(document);
  if (root.name !== "clientConfig") throw new XmlRefused(`it is no autoconfig document but <${root.name}>`);
  const servers = childrenOf(root, "emailProvider").flatMap((provider) =>
    provider.children.filter((child) => Object.hasOwn(PROTOCOLS, child.name)),
  );
  const taken = servers.slice(0, MAXIMUM_SERVERS);
  return {
    settings: taken.flatMap((server) => settingsOf(server, address) ?? []),
    otherProtocols: [...new Set(taken.map((server) => protocolName(server)).filter((name) => name !== "" && protocolOf(name) === null))],
  };
}

function protocolName(server: Element): string {
  return (server.attributes.type ?? "")
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9-]/g, "")
    .slice(0, 20);
}

function protocolOf(name: string): MailProtocol | null {
  return name === "imap" || name === "pop3" || name === "smtp" ? name : null;
}

function settingsOf(server: Element, address: string): Settings | null {
  const protocol = protocolOf(protocolName(server));
  const host = hostName(filledIn(textOf(server, "hostname") ?? "", address) ?? "");
  const port = portOf(textOf(server, "port") ?? "");
  const security = SECURITY[(textOf(server, "socketType") ?? "").toLowerCase()];
  if (protocol === null || !PROTOCOLS[server.name]?.includes(protocol) || host === null || port === null || security === undefined)
    return null;
  const signIn = childrenOf(server, "authentication").map(({ text }) => SIGN_IN[text.trim().toLowerCase()]);
  return {
    protocol,
    host,
    port,
    security,
    username: usernameOf(textOf(server, "username") ?? "", address),
    signIn: [...new Set(signIn.filter((one) => one !== undefined))],
  };
}
