import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { missingServers } from "../../test/servers/needs.ts";
import { runProgram } from "../../test/servers/processes.ts";
import { parseContent } from "./content.ts";
import { contentFingerprint } from "./fingerprint.ts";

/** The part that is signed: with blanks at line ends, an encoded letter and a file, all of which a careless copy would change. */
const ENTITY = [
  'Content-Type: multipart/mixed; boundary="inner"',
  "",
  "--inner",
  "Content-Type: text/plain; charset=utf-8",
  "Content-Transfer-Encoding: quoted-printable",
  "",
  "Gr=C3=BC=C3=9Fe,=20",
  "  indented",
  "--inner",
  'Content-Type: application/pdf; name="a.pdf"',
  "Content-Transfer-Encoding: base64",
  "",
  "JVBERi0=",
  "--inner--",
  "",
].join("\r\n");

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), "signed-"));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A key with its certificate in `folder`. */
function certificate(folder: string): readonly [certificate: string, key: string] {
  const [file, key] = [path.join(folder, "certificate.pem"), path.join(folder, "key.pem")];
  runProgram("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"],
    ...["-subj", "/CN=Ann/emailAddress=ann@example.test", "-keyout", key, "-out", file],
  ]);
  return [file, key];
}

/** What OpenSSL says that was signed; it ends with an error where the signature does not hold. */
function verified(folder: string, signed: Buffer, form: "SMIME" | "DER"): string {
  const [file, content] = [path.join(folder, "smime.p7m"), path.join(folder, "content")];
  writeFileSync(file, signed);
  const trusted = ["-CAfile", path.join(folder, "certificate.pem"), "-purpose", "any"];
  runProgram("openssl", ["cms", "-verify", "-binary", "-inform", form, "-in", file, "-out", content, ...trusted]);
  return readFileSync(content, "latin1");
}

const envelope = (entity: string): string => `From: ann@example.test\r\nSubject: =?utf-8?q?signed?=\r\nX-Long: a\r\n\tb\r\n${entity}`;

test("signed: the exact bytes of an S/MIME message are an attachment that OpenSSL verifies, and its text is the body", {
  skip: missingServers(["openssl"]),
}, async () => {
  await inFolder(async (folder) => {
    const [file, key] = certificate(folder);
    const signed = runProgram("openssl", ["cms", "-sign", "-binary", "-signer", file, "-inkey", key], { input: ENTITY });
    const outer = `Content-Type: multipart/mixed; boundary=list\r\n\r\n--list\r\n${signed.trimEnd()}\r\n--list\r\n\r\nfooter of a list\r\n--list--\r\n`;
    for (const message of [envelope(signed), envelope(outer)]) {
      const read = await parseContent(Buffer.from(message, "latin1"));
      assert.match(read.text ?? "", /^Grüße, \n {2}indented/);
      assert.deepEqual(
        read.attachments.map(({ filename }) => filename),
        ["a.pdf", "smime.p7s", "smime.p7m"],
      );
      const stored = read.attachments.at(-1)?.body ?? Buffer.alloc(0);
      assert.equal(verified(folder, stored, "SMIME"), ENTITY);
      assert.ok(!stored.includes("Subject:"), "who wrote it is no part of what was signed");
      const forged = Buffer.from(stored.toString("latin1").replace("indented", "indentet"), "latin1");
      assert.throws(() => verified(folder, forged, "SMIME"), /[Vv]erif/);
    }
  });
});

test("signed: an S/MIME message that cannot be read without its key is kept byte for byte, signed or encrypted", {
  skip: missingServers(["openssl"]),
}, async () => {
  await inFolder(async (folder) => {
    const [file, key] = certificate(folder);
    const opaque = runProgram("openssl", ["cms", "-sign", "-binary", "-nodetach", "-signer", file, "-inkey", key], { input: ENTITY });
    const read = await parseContent(Buffer.from(envelope(opaque), "latin1"));
    assert.deepEqual([read.text, read.attachments.length, read.attachments[0]?.filename], [null, 1, "smime.p7m"]);
    assert.equal(verified(folder, read.attachments[0]?.body ?? Buffer.alloc(0), "DER"), ENTITY);
    const encrypted = runProgram("openssl", ["cms", "-encrypt", "-binary", "-aes256", file], { input: ENTITY });
    const sealed = (await parseContent(Buffer.from(envelope(encrypted), "latin1"))).attachments[0];
    assert.equal(sealed?.filename, "smime.p7m");
    const stored = path.join(folder, "sealed.p7m");
    writeFileSync(stored, sealed?.body ?? "");
    assert.equal(
      runProgram("openssl", ["cms", "-decrypt", "-binary", "-inform", "DER", "-in", stored, "-recip", file, "-inkey", key]),
      ENTITY,
    );
  });
});

test("signed: text signed inline by PGP stays as it came, format=flowed or not, and GnuPG verifies it", {
  skip: missingServers(["gpg"]),
}, async () => {
  await inFolder(async (folder) => {
    const gpg = (args: readonly string[], input = "") =>
      runProgram("gpg", ["--homedir", folder, "--batch", "--no-autostart", "--no-tty", "--yes", ...args], { input });
    runProgram("gpg", [
      "--homedir",
      folder,
      "--batch",
      "--passphrase",
      "",
      "--quick-generate-key",
      "ann@example.test",
      "ed25519",
      "sign",
      "never",
    ]);
    try {
      const signed = runProgram("gpg", ["--homedir", folder, "--batch", "--clearsign"], {
        input: "a line that would \nflow on\n- dashes\n",
      });
      const message = `Content-Type: text/plain; format=flowed\r\n\r\n${signed.replaceAll("\n", "\r\n")}`;
      const { text } = await parseContent(Buffer.from(message));
      assert.equal(text, signed);
      gpg(["--verify"], text ?? "");
      assert.throws(() => gpg(["--verify"], (text ?? "").replace("flow on", "flow off")), /BAD signature/);
    } finally {
      runProgram("gpgconf", ["--homedir", folder, "--kill", "all"]);
    }
  });
});

test("signed: what PGP encrypted or signed as MIME is kept byte for byte", async () => {
  const armored = "-----BEGIN PGP MESSAGE-----\r\n\r\nhQEMA \r\n-----END PGP MESSAGE-----\r\n";
  const encrypted = [
    'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=p',
    "",
    "--p\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n",
    `--p\r\nContent-Type: application/octet-stream; name="encrypted.asc"\r\n\r\n${armored}`,
    "--p--",
  ].join("\r\n");
  const read = await parseContent(Buffer.from(encrypted));
  assert.deepEqual(
    read.attachments.map(({ filename, body }) => [filename, body.toString()]),
    [
      ["version.asc", "Version: 1\r\n"],
      ["encrypted.asc", armored],
    ],
  );
  const body = `--p\r\n${ENTITY}\r\n--p\r\nContent-Type: application/pgp-signature\r\n\r\n-----BEGIN PGP SIGNATURE-----\r\n\r\n--p--\r\n`;
  const header = 'Content-Type: multipart/signed; micalg=pgp-sha256;\r\n protocol="application/pgp-signature"; boundary=p\r\n';
  const signed = await parseContent(Buffer.from(`From: a@b.test\r\n${header}Subject: x\r\n\r\n${body}`));
  const kept = signed.attachments.at(-1);
  assert.deepEqual([kept?.filename, kept?.body.toString()], ["signed.eml", `${header}\r\n${body}`]);
});

test("signed: what is signed inside what is signed is kept once, with the outer one", async () => {
  const inner = 'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary=i\r\n\r\n--i\r\n\r\nhi\r\n--i--';
  const read = await parseContent(Buffer.from(`Content-Type: multipart/signed; boundary=o\r\n\r\n--o\r\n${inner}\r\n--o--\r\n`));
  assert.deepEqual([read.text, read.attachments.length], ["hi", 1]);
  assert.ok(read.attachments[0]?.body.includes(inner));
});

test("signed: what was signed makes no other fingerprint: mail systems write it anew", async () => {
  const written = (boundary: string) =>
    parseContent(Buffer.from(`Content-Type: multipart/signed; boundary=${boundary}\r\n\r\n--${boundary}\r\n\r\nhi\r\n--${boundary}--\r\n`));
  assert.equal(contentFingerprint(await written("a")), contentFingerprint(await written("b")));
});
