/** Plain-old-XML Autodiscover, as far as it can be asked without signing in: what other programs than Exchange publish for Outlook. Pure. */
import type { Security } from "../model/mailbox.ts";
import { hostName, portOf, STANDARD_PORTS, usernameOf } from "./domain.ts";
import type { MailProtocol, Settings, SignIn } from "./found.ts";
import { childrenOf, type Element, readXml, textOf, XmlRefused } from "./xml.ts";

const REQUEST_SCHEMA = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006";
const RESPONSE_SCHEMA = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

const MAXIMUM_PROTOCOLS = 20;

/**
 * The places below the domain itself. Never a parent of it: a program that walks up ends at somebody else's `autodiscover.com`, and hands that
 * one everybody's address. Never http either.
 */
export function autodiscoverPlaces(domain: string): readonly string[] {
  return [autodiscoverUrl(`autodiscover.${domain}`), autodiscoverUrl(domain)];
}

export function autodiscoverUrl(host: string): string {
  return `https://${host}/autodiscover/autodiscover.xml`;
}

export function autodiscoverRequest(address: string): string {
  const escaped = address.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  return `<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="${REQUEST_SCHEMA}"><Request><EMailAddress>${escaped}</EMailAddress><AcceptableResponseSchema>${RESPONSE_SCHEMA}</AcceptableResponseSchema></Request></Autodiscover>
`;
}

export type AutodiscoverDocument =
  | { readonly kind: "settings"; readonly settings: readonly Settings[]; readonly isExchange: boolean }
  | { readonly kind: "redirect"; readonly url: string }
  /** The mailbox goes by another address; a person decides whether to ask for that one. */
  | { readonly kind: "other address"; readonly address: string }
  | { readonly kind: "error"; readonly message: string };

/** Reads an answer. Throws XmlRefused. */
export function readAutodiscover(document: string, address: string): AutodiscoverDocument {
  const root = readXml(document);
  if (root.name.toLowerCase() !== "autodiscover") throw new XmlRefused(`it is no Autodiscover answer but <${root.name}>`);
  const response = childrenOf(root, "Response")[0];
  const error = childrenOf(response, "Error")[0];
  if (error)
    return { kind: "error", message: [textOf(error, "ErrorCode"), textOf(error, "Message")].filter((part) => part !== null).join(" ") };
  const account = childrenOf(response, "Account")[0];
  const action = textOf(account, "Action")?.toLowerCase();
  const url = textOf(account, "RedirectUrl");
  if (action === "redirecturl" && url !== null) return { kind: "redirect", url };
  const other = textOf(account, "RedirectAddr");
  if (action === "redirectaddr" && other !== null) return { kind: "other address", address: other };
  const protocols = childrenOf(account, "Protocol").slice(0, MAXIMUM_PROTOCOLS);
  return {
    kind: "settings",
    settings: protocols.flatMap((protocol) => settingsOf(protocol, address) ?? []),
    isExchange: protocols.some((protocol) => /^(EXCH|EXPR|EXHTTP)$/i.test(typeOf(protocol))),
  };
}

function typeOf(protocol: Element): string {
  return protocol.attributes.Type ?? textOf(protocol, "Type") ?? "";
}

function settingsOf(element: Element, address: string): Settings | null {
  const type = typeOf(element).toLowerCase();
  const protocol = type === "imap" || type === "pop3" || type === "smtp" ? type : null;
  const host = hostName(textOf(element, "Server") ?? "");
  const port = portOf(textOf(element, "Port") ?? "");
  if (protocol === null || host === null || port === null) return null;
  return {
    protocol,
    host,
    port,
    security: securityOf(element, protocol, port),
    username: usernameOf(textOf(element, "LoginName") ?? "", address),
    signIn: signInOf(element),
  };
}

/** Encryption goes before SSL, which is on where it is not said. `Auto`, or SSL on a port for STARTTLS, means what is usual on that port. */
function securityOf(element: Element, protocol: MailProtocol, port: number): Security {
  const usual = port === STANDARD_PORTS[protocol].starttls || port === 25 ? "starttls" : "tls";
  const encryption = textOf(element, "Encryption")?.toLowerCase();
  if (encryption === "ssl") return "tls";
  if (encryption === "tls") return "starttls";
  if (encryption === "none") return "none";
  return encryption === undefined && textOf(element, "SSL")?.toLowerCase() === "off" ? "none" : usual;
}

/** Secure Password Authentication is NTLM; it is on where nothing is said, but only Windows programs mean it. */
function signInOf(element: Element): readonly SignIn[] {
  if (textOf(element, "AuthRequired")?.toLowerCase() === "off") return ["none"];
  return textOf(element, "SPA")?.toLowerCase() === "on" ? ["ntlm"] : [];
}
