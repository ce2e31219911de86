import { missingServers } from "../servers/needs.ts";
import { dovecotRig } from "./imap-rig.ts";
import { mailSourceContract } from "./mail-source.contract.ts";

const skip = missingServers(["dovecot"]);

// Each differs from the others in how departures are found, how folders are named, and how the server stores mail.
mailSourceContract("Dovecot with QRESYNC, maildir", skip, () => dovecotRig({ format: "maildir" }));
mailSourceContract("Dovecot with CONDSTORE only, mdbox, separator .", skip, () =>
  dovecotRig({ format: "mdbox", separator: ".", withoutCapabilities: ["QRESYNC"] }),
);
mailSourceContract("Dovecot without CONDSTORE, ENABLE and MOVE, folders below INBOX.", skip, () =>
  dovecotRig({
    format: "sdbox",
    separator: ".",
    prefix: "INBOX.",
    withoutCapabilities: ["CONDSTORE", "QRESYNC", "ENABLE", "MOVE", "LIST-STATUS", "LIST-EXTENDED", "ESEARCH"],
  }),
);
mailSourceContract("Dovecot without special use, sent mail in a folder with a German name", skip, () =>
  dovecotRig({ specialUse: false, format: "mdbox" }, ["Gesendete Objekte"]),
);
