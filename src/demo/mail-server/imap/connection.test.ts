import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { type DemoMailServer, startMailServer } from "../mail-server.ts";

const ANN = { address: "ann@demo.test", password: "secret", name: "Ann" };
const SIGN_IN = 'LOGIN ann@demo.test "secret"';

/** A client that writes what it is told to and shows what it gets. */
class RawClient {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  received = "";
  #wake = () => {};
  #tag = 0;

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1" });
    this.socket.on("error", () => undefined);
    this.socket.on("data", (chunk) => {
      this.received += chunk.toString("latin1");
      this.#wake();
    });
    this.closed = new Promise((resolve) => this.socket.on("close", () => resolve()));
    this.socket.on("close", () => this.#wake());
  }

  /** The lines up to and with the one that holds the text, which must come. */
  async until(text: string): Promise<string> {
    let lineEnd = -1;
    while (lineEnd < 0) {
      const found = this.received.indexOf(text);
      if (found >= 0) lineEnd = this.received.indexOf("\r\n", found + text.length);
      if (lineEnd >= 0) break;
      assert.ok(!this.socket.closed, `closed before ${text}: ${this.received}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const taken = this.received.slice(0, lineEnd + 2);
    this.received = this.received.slice(lineEnd + 2);
    return taken;
  }

  /** The lines that a command brings, the tagged one with `tag` for its tag. */
  async command(line: string): Promise<string[]> {
    const tag = `t${++this.#tag}`;
    this.socket.write(`${tag} ${line}\r\n`, "latin1");
    const answer = await this.until(`${tag} `);
    return answer.trimEnd().replace(`${tag} `, "tag ").split("\r\n");
  }

  /** Only how a command ended. */
  async outcome(line: string): Promise<string> {
    return (await this.command(line)).at(-1) ?? "";
  }
}

describe("IMAP connection", () => {
  let server: DemoMailServer;
  const clients: RawClient[] = [];

  before(async () => {
    server = await startMailServer({ accounts: [ANN], domains: ["demo.test"] });
  });

  after(async () => {
    for (const client of clients) client.socket.destroy();
    await server.close();
  });

  async function open(): Promise<RawClient> {
    const client = new RawClient(server.imapPort);
    clients.push(client);
    await client.until("* OK [CAPABILITY IMAP4rev1 ");
    return client;
  }

  async function signedIn(folder?: string): Promise<RawClient> {
    const client = await open();
    assert.match(await client.outcome(SIGN_IN), /^tag OK \[CAPABILITY /);
    if (folder) assert.match(await client.outcome(`SELECT "${folder}"`), /^tag OK \[READ-WRITE\]/);
    return client;
  }

  function fill(folder: string, count: number): void {
    for (let number = 1; number <= count; number++) server.deliver(ANN.address, `Subject: ${number}\n\nbody ${number}\n`, { folder });
  }

  it("answers what it cannot do with BAD or NO and the tag, and goes on", async () => {
    const client = await open();
    assert.match(await client.outcome("SELECT INBOX"), /^tag BAD Sign in first/);
    assert.match(await client.outcome("LOGIN ann@demo.test guess"), /^tag NO \[AUTHENTICATIONFAILED\]/);
    assert.match(await client.outcome("AUTHENTICATE CRAM-MD5"), /^tag NO /);
    assert.match(await client.outcome("FROBNICATE"), /^tag BAD Unknown command/);
    assert.match(await client.outcome("NOOP"), /^tag OK /);
    assert.match(await client.outcome(SIGN_IN), /^tag OK /);
    assert.match(await client.outcome(SIGN_IN), /^tag BAD Signed in already/);
    assert.match(await client.outcome("FETCH 1 FLAGS"), /^tag BAD Select a mailbox first/);
    assert.match(await client.outcome("SELECT Nowhere"), /^tag NO \[NONEXISTENT\]/);
    assert.match(await client.outcome("SELECT INBOX (QRESYNC (1 1))"), /^tag BAD /);
    assert.match(await client.outcome("APPEND Nowhere {1+}\r\nx"), /^tag NO \[TRYCREATE\]/);
    assert.match(await client.outcome("DELETE INBOX"), /^tag NO \[CANNOT\]/);
    assert.match(await client.outcome("CREATE Sent"), /^tag NO \[ALREADYEXISTS\]/);
    assert.match(await client.outcome("SELECT INBOX"), /^tag OK /);
    assert.match(await client.outcome("FETCH 1 FLAGS"), /^tag BAD /);
    assert.match(await client.outcome("UID FETCH 1:* FLAGS"), /^tag OK /);
    assert.match(await client.outcome("SEARCH CHARSET KLINGON ALL"), /^tag NO \[BADCHARSET \(US-ASCII UTF-8\)\]/);
  });

  it("takes AUTHENTICATE PLAIN with and without an initial response, and lets it be cancelled", async () => {
    const response = Buffer.from("\0ann@demo.test\0secret").toString("base64");
    assert.match(await (await open()).outcome(`AUTHENTICATE PLAIN ${response}`), /^tag OK /);
    const client = await open();
    client.socket.write("x1 AUTHENTICATE PLAIN\r\n");
    await client.until("+ ");
    client.socket.write("*\r\n");
    await client.until("x1 BAD ");
    client.socket.write("x2 AUTHENTICATE PLAIN\r\n");
    await client.until("+ ");
    client.socket.write(`${response}\r\n`);
    await client.until("x2 OK ");
    assert.match(await (await open()).outcome("AUTHENTICATE PLAIN AAAA"), /^tag BAD /);
  });

  it("keeps expunges back where the client counts by sequence numbers", async () => {
    fill("Counting", 3);
    const client = await signedIn("Counting");
    const other = await signedIn("Counting");
    assert.match(await other.outcome("STORE 1 +FLAGS.SILENT (\\Deleted)"), /^tag OK /);
    await client.until("* 1 FETCH (UID 1 FLAGS (\\Deleted))");
    assert.deepEqual(await other.command("EXPUNGE"), ["* 1 EXPUNGE", "tag OK 1 expunged"]);
    server.deliver(ANN.address, "Subject: 4\n\n", { folder: "Counting" });
    await client.until("* 4 EXISTS");
    assert.deepEqual(await client.command("FETCH 1:2 UID"), ["* 2 FETCH (UID 2)", "tag OK Messages fetched"]);
    assert.deepEqual(await client.command("NOOP"), ["* 1 EXPUNGE", "tag OK Nothing done"]);
    assert.deepEqual(await client.command("FETCH 1:* UID"), [
      "* 1 FETCH (UID 2)",
      "* 2 FETCH (UID 3)",
      "* 3 FETCH (UID 4)",
      "tag OK Messages fetched",
    ]);
  });

  it("expunges the marked, moves the numbers, and with UID EXPUNGE only the named", async () => {
    fill("Expunging", 4);
    const client = await signedIn("Expunging");
    await client.command("STORE 1:3 +FLAGS.SILENT (\\Deleted)");
    assert.deepEqual(await client.command("UID EXPUNGE 3:9"), ["* 3 EXPUNGE", "tag OK 1 expunged"]);
    assert.deepEqual(await client.command("EXPUNGE"), ["* 1 EXPUNGE", "* 1 EXPUNGE", "tag OK 2 expunged"]);
    assert.deepEqual(await client.command("SEARCH RETURN (ALL COUNT) ALL"), ['* ESEARCH (TAG "t6") ALL 1 COUNT 1', "tag OK Searched"]);
  });

  it("marks a message seen by BODY[], not by BODY.PEEK[] and not when only examined", async () => {
    fill("Seeing", 1);
    const client = await signedIn("Seeing");
    const body = ["* 1 FETCH (BODY[TEXT] {8}", "body 1", ")", "tag OK Messages fetched"];
    assert.deepEqual(await client.command("FETCH 1 BODY.PEEK[TEXT]"), body);
    await client.command("EXAMINE Seeing");
    assert.deepEqual(await client.command("FETCH 1 BODY[TEXT]"), body);
    assert.match(await client.outcome("STORE 1 +FLAGS (\\Seen)"), /^tag NO /);
    await client.command("SELECT Seeing");
    assert.deepEqual(await client.command("FETCH 1 BODY[TEXT]"), ["* 1 FETCH (FLAGS (\\Seen) BODY[TEXT] {8}", ...body.slice(1)]);
  });

  it("changes flags only where nobody did since, when asked so", async () => {
    fill("Conditional", 2);
    const client = await signedIn("Conditional");
    assert.deepEqual(await client.command("STORE 2 (UNCHANGEDSINCE 3) +FLAGS (\\Flagged)"), [
      "* 2 FETCH (FLAGS (\\Flagged) MODSEQ (4))",
      "tag OK Flags stored",
    ]);
    assert.deepEqual(await client.command("UID STORE 1:2 (UNCHANGEDSINCE 3) FLAGS.SILENT (\\Seen)"), [
      "* 1 FETCH (UID 1 MODSEQ (5))",
      "tag OK [MODIFIED 2] Some were changed by others",
    ]);
    assert.deepEqual(await client.command("SEARCH MODSEQ 5"), ["* SEARCH 1 (MODSEQ 5)", "tag OK Searched"]);
  });

  it("tells VANISHED in place of EXPUNGE once QRESYNC is on, the earlier ones at SELECT", async () => {
    fill("Vanishing", 3);
    const client = await signedIn();
    assert.deepEqual(await client.command("ENABLE QRESYNC"), ["* ENABLED QRESYNC", "tag OK Enabled"]);
    await client.command("SELECT Vanishing");
    await client.command("UID STORE 2:3 +FLAGS.SILENT (\\Deleted)");
    assert.deepEqual(await client.command("EXPUNGE"), ["* VANISHED 2:3", "tag OK [HIGHESTMODSEQ 7] 2 expunged"]);
    const uidValidity = /UIDVALIDITY (\d+)/.exec((await client.command("STATUS Vanishing (UIDVALIDITY)")).join())?.[1];
    const again = await client.command(`SELECT Vanishing (QRESYNC (${uidValidity} 4))`);
    assert.ok(again.includes("* OK [CLOSED] Previous mailbox closed"));
    assert.ok(again.includes("* VANISHED (EARLIER) 2:3"));
    assert.deepEqual(await client.command("UID FETCH 1:9 (FLAGS) (CHANGEDSINCE 4 VANISHED)"), [
      "* VANISHED (EARLIER) 2:3",
      "tag OK Messages fetched",
    ]);
  });

  it("lists by selection and return options, and names that are only subscribed", async () => {
    const client = await signedIn();
    for (const command of ["CREATE Work/Deep/Down", "SUBSCRIBE Work/Deep/Down", "CREATE Gone", "SUBSCRIBE Gone", "DELETE Gone"]) {
      assert.match(await client.outcome(command), /^tag OK/);
    }
    assert.deepEqual(await client.command('LIST "" ""'), ['* LIST (\\Noselect) "/" ""', "tag OK Delimiter listed"]);
    assert.deepEqual(await client.command('LIST "Work/" %'), ['* LIST (\\HasChildren) "/" "Work/Deep"', "tag OK Mailboxes listed"]);
    assert.deepEqual(await client.command('LIST (SUBSCRIBED RECURSIVEMATCH) "" (Work Gone)'), [
      '* LIST (\\HasChildren) "/" "Work" ("CHILDINFO" ("SUBSCRIBED"))',
      '* LIST (\\NonExistent \\Subscribed) "/" "Gone"',
      "tag OK Mailboxes listed",
    ]);
    assert.deepEqual(await client.command('LSUB "" W%'), ['* LSUB (\\Noselect) "/" "Work"', "tag OK Subscriptions listed"]);
    assert.deepEqual(await client.command('LIST (SPECIAL-USE) "" S* RETURN (STATUS (MESSAGES))'), [
      '* LIST (\\HasNoChildren \\Sent) "/" "Sent"',
      '* STATUS "Sent" (MESSAGES 0)',
      "tag OK Mailboxes listed",
    ]);
    assert.match(await client.outcome("DELETE Work"), /^tag NO \[HASCHILDREN\]/);
    assert.match(await client.outcome("RENAME Work Play"), /^tag OK/);
    assert.deepEqual(await client.command('LIST "" *Down'), ['* LIST (\\HasNoChildren) "/" "Play/Deep/Down"', "tag OK Mailboxes listed"]);
  });

  it("says good-bye to whoever has a deleted mailbox selected, but not to the one who deletes it", async () => {
    fill("Doomed", 1);
    const client = await signedIn("Doomed");
    const other = await signedIn("Doomed");
    assert.match(await other.outcome("DELETE Doomed"), /^tag OK/);
    assert.match(await other.outcome("NOOP"), /^tag OK/);
    await client.until("* BYE ");
    await client.closed;
  });

  it("refuses a message over the limit before it is sent", async () => {
    const client = await signedIn();
    assert.match(await client.outcome("APPEND INBOX {99999999}"), /^tag NO \[TOOBIG\]/);
    assert.match(await client.outcome("NOOP"), /^tag OK/);
    const stranger = await open();
    stranger.socket.write("x LOGIN {9999+}\r\n");
    await stranger.until("* BYE ");
  });

  it("answers pipelined commands in their order", async () => {
    const client = await signedIn();
    client.socket.write("p1 SELECT INBOX\r\np2 UID SEARCH ALL\r\np3 LOGOUT\r\n");
    const answers = await client.until("p3 OK");
    assert.ok(answers.indexOf("p1 OK") < answers.indexOf("p2 OK") && answers.indexOf("p2 OK") < answers.indexOf("* BYE"));
    await client.closed;
  });

  it("survives rubbish from strangers and from those who signed in", async () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc
        .constantFrom(
          "\r\n",
          "a ",
          "{5}\r\n",
          "{5+}\r\n",
          "FETCH 1 ",
          "UID ",
          "IDLE\r\n",
          "(((",
          '"',
          "SELECT INBOX\r\n",
          "AUTHENTICATE PLAIN\r\n",
        )
        .map(Buffer.from),
    );
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.array(piece, { maxLength: 20 }), async (signIn, pieces) => {
        const client = signIn ? await signedIn() : await open();
        client.socket.end(Buffer.concat(pieces));
        await client.closed;
        assert.ok(!client.received.includes("SERVERBUG"), client.received);
      }),
      { numRuns: 60 },
    );
    assert.match(await (await open()).outcome("NOOP"), /^tag OK/);
  });
});
