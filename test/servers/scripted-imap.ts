import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { Transform, type Writable } from "node:stream";

export interface ScriptedMessage {
  readonly uid: number;
  readonly mime: Buffer;
  /** What is announced as RFC822.SIZE; the truth by default. */
  readonly announcedSize?: number;
  /** Null: the server leaves it out. */
  readonly internalDate?: string | null;
}

/** The inbox that the server shows; a test changes it as it likes. */
export interface ScriptedInbox {
  validity: string | null;
  uidNext: number | null;
  modseq: string | null;
  mailboxId: string | null;
  /** EXISTS, where it is not the number of messages. */
  exists: number | null;
  messages: readonly ScriptedMessage[];
}

export interface ScriptedImapOptions {
  /** Besides IMAP4rev1; default UIDPLUS and ENABLE. */
  readonly capabilities?: readonly string[];
  /** The greeting; null: none comes. */
  readonly greeting?: string | null;
  readonly inbox?: Partial<ScriptedInbox>;
  /**
   * Asked for each command, without its tag. A text is the answer, its last line gets the tag; a Buffer is said as it is, even nothing at
   * all; a text that is cut hangs up after it; null hangs up; undefined = as usual.
   */
  readonly script?: (command: string, tag: string) => string | Buffer | { readonly cut: string } | null | undefined;
  /** What is answered to a FETCH, message by message; default: each once, in order. */
  readonly rows?: <Row>(rows: readonly Row[]) => readonly Row[];
}

/** A server with one inbox that misbehaves as told. It proves nothing about real servers; it stands for those that are not at hand. */
export interface ScriptedImap extends AsyncDisposable {
  readonly port: number;
  readonly inbox: ScriptedInbox;
  /** All commands of all connections, without tags. */
  readonly heard: readonly string[];
  /** Bytes said on all connections: no faster than the client takes them, but for what the system holds in between. */
  readonly said: number;
}

export async function startScriptedImap(options: ScriptedImapOptions = {}): Promise<ScriptedImap> {
  const inbox: ScriptedInbox = {
    validity: "7",
    uidNext: null,
    modseq: null,
    mailboxId: null,
    exists: null,
    messages: [],
    ...options.inbox,
  };
  const capabilities = `IMAP4rev1 ${(options.capabilities ?? ["UIDPLUS", "ENABLE"]).join(" ")}`;
  const heard: string[] = [];
  let said = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket));
    const mouth = new Transform({
      transform(words: Buffer, _encoding, done) {
        said += words.length;
        done(null, words);
      },
    });
    mouth.pipe(socket);
    const greeting = options.greeting === undefined ? "* OK ready" : options.greeting;
    if (greeting !== null) mouth.write(`${greeting}\r\n`);
    if (greeting?.startsWith("* BYE")) mouth.end();
    onLines(socket, (line) => {
      const [, tag = "", command = ""] = /^(\S+) (.*)$/.exec(line) ?? [];
      heard.push(command);
      const answer = options.script?.(command, tag);
      if (answer === null) socket.destroy();
      else if (Buffer.isBuffer(answer)) mouth.write(answer);
      else if (typeof answer === "object") mouth.end(Buffer.from(answer.cut, "latin1"));
      else if (answer !== undefined) say(mouth, tag, [Buffer.from(answer, "latin1")]);
      else say(mouth, tag, usual(command, inbox, capabilities, options.rows ?? ((rows) => rows)));
      if (command === "LOGOUT") mouth.end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    port: address.port,
    inbox,
    heard,
    get said() {
      return said;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function onLines(socket: Socket, take: (line: string) => void): void {
  let rest = "";
  socket.setEncoding("latin1").on("data", (text: string) => {
    const lines = `${rest}${text}`.split("\r\n");
    rest = lines.pop() ?? "";
    lines.forEach(take);
  });
}

/** Puts the tag before the last line, which is in the last part. */
function say(mouth: Writable, tag: string, parts: readonly Buffer[]): void {
  for (const part of parts.slice(0, -1)) mouth.write(part);
  const end = parts.at(-1) ?? Buffer.alloc(0);
  const last = end.lastIndexOf("\r\n") + (end.includes("\r\n") ? 2 : 1);
  mouth.write(Buffer.concat([end.subarray(0, last), Buffer.from(`${tag} `), end.subarray(last), Buffer.from("\r\n")]));
}

function usual(
  command: string,
  inbox: ScriptedInbox,
  capabilities: string,
  rows: NonNullable<ScriptedImapOptions["rows"]>,
): readonly Buffer[] {
  const text = (...lines: string[]) => [Buffer.from(lines.join("\r\n"), "latin1")];
  const [, uidCommand, set = "", rest = ""] = /^UID (FETCH|SEARCH) (\S+) ?(.*)$/.exec(command) ?? [];
  if (uidCommand === "FETCH")
    return [...rows(chosen(set, inbox).map(({ message, seq }) => row(message, seq, rest, capabilities))).flat(), ...text("OK done")];
  if (uidCommand === "SEARCH") {
    const range = /UID (\S+)/.exec(command.slice(4))?.[1];
    // No message bears a keyword.
    if (/KEYWORD /.test(command)) return text("* SEARCH", "OK done");
    const larger = Number(/LARGER (\d+)/.exec(command)?.[1] ?? -1);
    const found = (range === undefined ? inbox.messages : chosen(range, inbox).map(({ message }) => message)).filter(
      ({ announcedSize, mime }) => (announcedSize ?? mime.length) > larger,
    );
    return text(`* SEARCH${found.map(({ uid }) => ` ${uid}`).join("")}`, "OK done");
  }
  switch (command.split(" ")[0]) {
    case "CAPABILITY":
      return text(`* CAPABILITY ${capabilities}`, "OK done");
    case "ENABLE":
      return text(`* ENABLED ${command.slice(7)}`, "OK done");
    case "LIST":
      return text('* LIST () "/" INBOX', "OK done");
    case "SELECT":
    case "EXAMINE":
      return text(
        `* ${inbox.exists ?? inbox.messages.length} EXISTS`,
        ...(inbox.validity === null ? [] : [`* OK [UIDVALIDITY ${inbox.validity}] valid`]),
        ...(inbox.uidNext === null ? [] : [`* OK [UIDNEXT ${inbox.uidNext}] next`]),
        ...(inbox.modseq === null ? [] : [`* OK [HIGHESTMODSEQ ${inbox.modseq}] highest`]),
        ...(inbox.mailboxId === null ? [] : [`* OK [MAILBOXID (${inbox.mailboxId})] id`]),
        command.startsWith("SELECT") ? "OK [READ-WRITE] done" : "OK [READ-ONLY] done",
      );
    case "LOGOUT":
      return text("* BYE", "OK done");
    default:
      return text("OK done");
  }
}

function chosen(set: string, inbox: ScriptedInbox): { readonly message: ScriptedMessage; readonly seq: number }[] {
  const highest = inbox.messages.at(-1)?.uid ?? 0;
  const ranges = set.split(",").map((range) => range.split(":").map((end) => (end === "*" ? highest : Number(end))));
  return inbox.messages.flatMap((message, index) => {
    const inside = ranges.some(([a = 0, b = a]) => message.uid >= Math.min(a, b) && message.uid <= Math.max(a, b));
    return inside ? [{ message, seq: index + 1 }] : [];
  });
}

function row(
  { uid, mime, announcedSize, internalDate }: ScriptedMessage,
  seq: number,
  items: string,
  capabilities: string,
): readonly Buffer[] {
  const date = internalDate === undefined ? "23-Nov-2026 10:00:00 +0000" : internalDate;
  const facts = [
    `UID ${uid}`,
    ...(items.includes("FLAGS") ? ["FLAGS ()"] : []),
    ...(items.includes("INTERNALDATE") && date !== null ? [`INTERNALDATE "${date}"`] : []),
    ...(items.includes("RFC822.SIZE") ? [`RFC822.SIZE ${announcedSize ?? mime.length}`] : []),
    ...(capabilities.includes("OBJECTID") ? [`EMAILID (M${uid})`] : []),
  ];
  const [, section = "", partial] = /BODY\.PEEK\[([^\]]*)\](?:<0\.(\d+)>)?/.exec(items) ?? [];
  const asked = items.includes("BODY.PEEK[");
  const whole = section.startsWith("HEADER") ? mime.subarray(0, mime.indexOf("\r\n\r\n") + 4) : mime;
  const part = partial === undefined ? whole : whole.subarray(0, Number(partial));
  const open = `* ${seq} FETCH (${facts.join(" ")}`;
  if (!asked) return [Buffer.from(`${open})\r\n`)];
  const origin = partial === undefined ? "" : "<0>";
  return [Buffer.from(`${open} BODY[${section}]${origin} {${part.length}}\r\n`), part, Buffer.from(")\r\n")];
}
