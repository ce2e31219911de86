import { missingServers } from "../servers/needs.ts";
import { mailSourceContract } from "./mail-source.contract.ts";
import { serviceAccountRig } from "./service-account-rig.ts";

const skip = missingServers(["dovecot"]);

// A mailbox is the same mailbox, whoever reads it.
mailSourceContract("a master user on Dovecot", skip, () => serviceAccountRig("masterUser"), { wire: false });
mailSourceContract("an authorization identity on Dovecot", skip, () => serviceAccountRig("authorizationIdentity", { format: "mdbox" }), {
  wire: false,
});
mailSourceContract("folders shared by another user of Dovecot", skip, () => serviceAccountRig("sharedFolders"));
mailSourceContract("folders shared by another user of Dovecot below INBOX., without what new servers can", skip, () =>
  serviceAccountRig("sharedFolders", {
    format: "sdbox",
    separator: ".",
    prefix: "INBOX.",
    withoutCapabilities: ["CONDSTORE", "QRESYNC", "ENABLE", "MOVE", "LIST-STATUS", "LIST-EXTENDED", "ESEARCH", "SPECIAL-USE"],
  }),
);
