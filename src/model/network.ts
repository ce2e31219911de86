/** An address of IPv4 or IPv6 as its 16 bytes; one of IPv4 stands where IPv6 maps it (RFC 4291 2.5.5.2). */
type Bytes = readonly number[];

const MAPPED: Bytes = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** Longest text of an address: an IPv6 one whose end is written as IPv4. */
const ADDRESS_LENGTH = 45;

/** Whether a text names an IP address or a network: `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`. */
export function isNetwork(text: string): boolean {
  return networkOf(text) !== null;
}

/** Whether an IP address lies in one of these networks; one that cannot be read lies in none. */
export function liesWithin(address: string, networks: readonly string[]): boolean {
  const bytes = bytesOf(address);
  return bytes !== null && networks.some((text) => covers(networkOf(text), bytes));
}

interface Network {
  readonly bytes: Bytes;
  /** Bits that count, of 128. */
  readonly prefix: number;
}

function networkOf(text: string): Network | null {
  const [, address = "", length] = /^([^/]{1,45})(?:\/(\d{1,3}))?$/.exec(text.trim()) ?? [];
  const bytes = bytesOf(address);
  if (bytes === null) return null;
  const bits = address.includes(":") ? 128 : 32;
  const prefix = length === undefined ? bits : Number(length);
  return prefix <= bits ? { bytes, prefix: prefix + 128 - bits } : null;
}

function covers(network: Network | null, address: Bytes): boolean {
  if (network === null) return false;
  const { bytes, prefix } = network;
  return bytes.every((byte, index) => {
    const counting = Math.min(8, Math.max(0, prefix - 8 * index));
    return (byte ^ (address[index] ?? 0)) >> (8 - counting) === 0;
  });
}

function bytesOf(address: string): Bytes | null {
  if (address.length > ADDRESS_LENGTH) return null;
  if (!address.includes(":")) {
    const four = fourBytes(address);
    return four === null ? null : [...MAPPED, ...four];
  }
  const texts = address.split("::");
  const halves = texts.map((text, index) => groupsOf(text, index === texts.length - 1));
  const [first, second, ...others] = halves;
  if (first == null || second === null || others.length > 0) return null;
  if (second === undefined) return first.length === 16 ? first : null;
  const gap = 16 - first.length - second.length;
  return gap >= 2 ? [...first, ...new Array<number>(gap).fill(0), ...second] : null;
}

/** Groups of four digits, of which the last two of an address may be written as one of IPv4. */
function groupsOf(text: string, isEnd: boolean): Bytes | null {
  const bytes: number[] = [];
  const groups = text === "" ? [] : text.split(":");
  for (const [index, group] of groups.entries()) {
    const four = isEnd && index === groups.length - 1 ? fourBytes(group) : null;
    if (four !== null) bytes.push(...four);
    else if (/^[0-9a-f]{1,4}$/i.test(group)) bytes.push(Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff);
    else return null;
  }
  return bytes;
}

/** A zero in front would make an octal number of it for some readers. */
function fourBytes(text: string): Bytes | null {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part))) return null;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : null;
}
