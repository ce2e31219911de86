import { missingServers } from "../servers/needs.ts";
import { mailSourceContract } from "./mail-source.contract.ts";
import { dovecotPop3Rig } from "./pop3-rig.ts";

const skip = missingServers(["dovecot"]);

mailSourceContract("Dovecot by POP3", skip, () => dovecotPop3Rig({ format: "maildir" }), { folders: false });
