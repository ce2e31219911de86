import { createSocket } from "node:dgram";
import { once } from "node:events";

/** What a name has; the rest of its types are empty answers, and every other name does not exist. */
export interface NameRecords {
  readonly a?: readonly string[];
  readonly mx?: readonly { readonly priority: number; readonly exchange: string }[];
  readonly srv?: readonly { readonly priority: number; readonly weight: number; readonly port: number; readonly target: string }[];
  readonly txt?: readonly (readonly string[])[];
}

/** A name server (RFC 1035 over UDP) on a port of 127.0.0.1 that answers from a table. */
export interface NameServer extends AsyncDisposable {
  /** `127.0.0.1:port`, as `Resolver.setServers` takes it. */
  readonly address: string;
  /** Names that were asked for, in lower case. */
  readonly asked: ReadonlySet<string>;
  set(zone: Readonly<Record<string, NameRecords>>): void;
}

const TYPES: Readonly<Record<number, (records: NameRecords) => readonly Buffer[]>> = {
  1: ({ a = [] }) => a.map((address) => Buffer.from(address.split(".").map(Number))),
  15: ({ mx = [] }) => mx.map(({ priority, exchange }) => Buffer.concat([uint16(priority), nameBytes(exchange)])),
  16: ({ txt = [] }) => txt.map((strings) => Buffer.concat(strings.map(stringBytes))),
  33: ({ srv = [] }) =>
    srv.map(({ priority, weight, port, target }) => Buffer.concat([...[priority, weight, port].map(uint16), nameBytes(target)])),
};
const HEADER = 12;
const NO_SUCH_NAME = 3;
const LIFETIME_SECONDS = 60;

export async function startNameServer(zone: Readonly<Record<string, NameRecords>> = {}): Promise<NameServer> {
  let records = new Map(Object.entries(zone));
  const asked = new Set<string>();
  const socket = createSocket("udp4");
  socket.on("message", (query, { port, address }) => {
    const { name, type, end } = questionOf(query);
    asked.add(name);
    const known = records.get(name);
    const answers = known ? (TYPES[type]?.(known) ?? []) : [];
    const header = Buffer.concat([
      query.subarray(0, 2),
      uint16(0x8580 | (known ? 0 : NO_SUCH_NAME)),
      ...[1, answers.length, 0, 0].map(uint16),
    ]);
    const rows = answers.map((data) => Buffer.concat([...[0xc000 | HEADER, type, 1, 0, LIFETIME_SECONDS, data.length].map(uint16), data]));
    socket.send(Buffer.concat([header, query.subarray(HEADER, end), ...rows]), port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    set(next) {
      records = new Map(Object.entries(next));
    },
    async [Symbol.asyncDispose]() {
      socket.close();
      await once(socket, "close");
    },
  };
}

function questionOf(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = HEADER;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

/** A domain name; `.` is the root. */
function nameBytes(name: string): Buffer {
  const labels = name.split(".").filter((label) => label !== "");
  return Buffer.concat([...labels.map(stringBytes), Buffer.of(0)]);
}

function stringBytes(text: string): Buffer {
  return Buffer.concat([Buffer.of(text.length), Buffer.from(text, "latin1")]);
}

function uint16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff);
}
