import { applicationOf, type ConvertedProfile, type ProfileQuestion } from "./profile-question.ts";

/** Google's mail with access tokens: the same application, with each mailbox authorized anew (docs/mail-systems/gmail.md). */
export function convertGmail(question: ProfileQuestion): ConvertedProfile {
  const { name, mailboxes, secrets, note } = question;
  const { clientId, isKnown } = applicationOf(question);
  if (!isKnown) note("to do", "Dynamics does not name the application of this profile.", "Enter its id as oauth.clientId.");
  note(
    "to do",
    `What lets Dynamics into Google's mailboxes lets nobody else in: ${mailboxes.length === 1 ? "the mailbox has" : "each of the mailboxes has"} to be authorized for Waypost.`,
    "Allow http://localhost as a redirect address of the application, and run `waypost authorize` for each mailbox (docs/oauth.md).",
  );
  const clientSecret = secrets.need(`${name} client secret`, `the client secret of the application ${clientId} at Google`);
  return {
    draft: { name, preset: "gmail", oauth: { provider: "google", clientId, clientSecret } },
    signIn: { kind: "none", alias: false },
  };
}
