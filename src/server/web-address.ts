import { isIP } from "node:net";

/** The address under which a listening server can be reached from this machine. */
export function urlOf(host: string, port: number): string {
  const reachable = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`;
}

/**
 * Whether a Host header can have come from somebody who means this server. A page of a stranger whose name is made to point here (DNS
 * rebinding) brings that name, so only its own names (the host it listens on, those a proxy in front has), `localhost` and plain IP addresses
 * count; the port may be another one where a container maps it.
 */
export function meansUs(hostHeader: string | undefined, ownNames: readonly string[]): boolean {
  const [, bracketed, plain] = /^(?:\[([0-9a-f:.]+)\]|([^:@/\s]+))(?::\d{1,5})?$/i.exec(hostHeader ?? "") ?? [];
  const name = (bracketed ?? plain ?? "").toLowerCase();
  return name === "localhost" || isIP(name) !== 0 || (name !== "" && ownNames.some((own) => own.toLowerCase() === name));
}

export function isLoopback(address: string): boolean {
  return address === "::1" || /^(?:::ffff:)?127\./.test(address);
}
