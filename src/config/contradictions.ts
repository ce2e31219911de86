import { addressKey } from "../model/address.ts";
import { FORWARD_MAILBOX, forwardProblems } from "./forward-mailbox.ts";
import type { Configuration } from "./schema.ts";
import { serverProblems } from "./servers.ts";
import { serviceAccountProblems, signsInItself } from "./service-account.ts";

/** Everything that one field alone cannot show to be wrong: names that refer to nothing, or twice the same. */
export function contradictions(configuration: Configuration): { path: PropertyKey[]; problem: string }[] {
  const found: { path: PropertyKey[]; problem: string }[] = [];
  const unique = (list: string, values: readonly string[], field: string) => {
    const seen = new Set<string>();
    for (const [index, value] of values.entries()) {
      if (seen.has(addressKey(value))) found.push({ path: [list, index, field], problem: `"${value}" stands here a second time` });
      seen.add(addressKey(value));
    }
  };
  const { organizations, serverProfiles, users, queues, mailboxes } = configuration;
  unique(
    "organizations",
    organizations.map((one) => one.name),
    "name",
  );
  unique(
    "serverProfiles",
    serverProfiles.map((one) => one.name),
    "name",
  );
  unique(
    "users",
    users.map((one) => one.email),
    "email",
  );
  for (const field of ["objectId", "applicationId", "signInName"] as const) {
    const given = users.flatMap((one, index) => (one[field] === undefined ? [] : [{ index, value: one[field].toLowerCase() }]));
    for (const [place, { index, value }] of given.entries())
      if (given.findIndex((one) => one.value === value) < place)
        found.push({ path: ["users", index, field], problem: `"${value}" stands here a second time` });
  }
  unique(
    "queues",
    queues.map((one) => one.email),
    "email",
  );
  unique(
    "mailboxes",
    mailboxes.map((one) => one.address),
    "address",
  );
  const embedded = organizations.flatMap(({ kind }, index) => (kind === "embedded" ? [index] : []));
  if (embedded[1] !== undefined)
    found.push({ path: ["organizations", embedded[1]], problem: "only one embedded organization fits into one database" });
  if (embedded.length === 0)
    for (const list of ["users", "queues"] as const)
      if (configuration[list].length > 0)
        found.push({ path: [list], problem: "belong to an embedded organization, and there is none: Dynamics 365 has its own" });
  const known = (list: readonly string[], value: string) => list.some((one) => addressKey(one) === addressKey(value));
  for (const [index, profile] of serverProfiles.entries()) {
    for (const { field, problem } of serverProblems(profile)) found.push({ path: ["serverProfiles", index, ...field], problem });
    for (const { field, problem } of serviceAccountProblems(profile))
      found.push({ path: ["serverProfiles", index, "serviceAccount", field], problem });
    if (profile.oauth && profile.serviceAccount)
      found.push({
        path: ["serverProfiles", index, "serviceAccount"],
        problem: "and oauth do not go together: name the account in oauth.account",
      });
    for (const direction of ["incoming", "outgoing"] as const) {
      const problem = signInProblem(profile[direction]?.authentication, profile.oauth !== undefined);
      if (problem !== null) found.push({ path: ["serverProfiles", index, direction, "authentication"], problem });
    }
  }
  for (const [index, user] of users.entries()) {
    if (
      user.defaultQueue !== undefined &&
      !known(
        queues.map((one) => one.email),
        user.defaultQueue,
      )
    )
      found.push({ path: ["users", index, "defaultQueue"], problem: `no queue has the address ${user.defaultQueue}` });
  }
  for (const [index, queue] of queues.entries()) {
    if (
      queue.owner !== undefined &&
      !known(
        users.map((one) => one.email),
        queue.owner,
      )
    )
      found.push({ path: ["queues", index, "owner"], problem: `no user has the address ${queue.owner}` });
  }
  for (const { index, field, problem } of forwardProblems(configuration)) found.push({ path: ["mailboxes", index, field], problem });
  for (const [index, mailbox] of mailboxes.entries()) {
    const wrong = (field: string, problem: string) => found.push({ path: ["mailboxes", index, field], problem });
    const organization =
      mailbox.organization === undefined ? organizations[0] : organizations.find((one) => one.name === mailbox.organization);
    if (organization === undefined) wrong("organization", `there is no organization "${mailbox.organization}"`);
    else if (mailbox.organization === undefined && organizations.length > 1)
      wrong("organization", "must be named: there are several organizations");
    // Those of Dynamics are looked up there.
    const isEmbedded = organization?.kind === "embedded";
    if (mailbox.deleteAfterProcessing && mailbox.user !== undefined)
      wrong(
        "deleteAfterProcessing",
        "is for mailboxes of queues and forward mailboxes: a user's mail belongs to the user (Dynamics refuses it as 8005E233)",
      );
    if (
      isEmbedded &&
      mailbox.user !== undefined &&
      !known(
        users.map((one) => one.email),
        mailbox.user,
      )
    )
      wrong("user", `no user has the address ${mailbox.user}`);
    if (
      isEmbedded &&
      mailbox.queue !== undefined &&
      !known(
        queues.map((one) => one.email),
        mailbox.queue,
      )
    )
      wrong("queue", `no queue has the address ${mailbox.queue}`);
    const profile = mailbox.profile === undefined ? serverProfiles[0] : serverProfiles.find((one) => one.name === mailbox.profile);
    if (mailbox.profile === undefined && serverProfiles.length > 1) wrong("profile", "must be named: there are several server profiles");
    else if (!profile)
      wrong(
        "profile",
        mailbox.profile === undefined ? "needs a server profile, and there is none" : `there is no server profile "${mailbox.profile}"`,
      );
    else if (!mailbox.password && !profile.oauth && signsInItself(profile) && isConnectedTo(mailbox))
      wrong("password", `is needed: the server profile "${profile.name}" signs in with it`);
    else if (mailbox.password && profile.oauth)
      wrong("password", `is used for nothing: the server profile "${profile.name}" signs in with access tokens (oauth)`);
    else if (mailbox.password && profile.serviceAccount && !signsInItself(profile))
      wrong("password", `is used for nothing: the service account of the server profile "${profile.name}" signs in`);
  }
  return found;
}

/** Nothing is read in a mailbox whose mail comes by a forward mailbox, nor sent from it unless that is wanted. */
function isConnectedTo({ incoming, outgoing = true }: Configuration["mailboxes"][number]): boolean {
  return incoming !== FORWARD_MAILBOX || outgoing;
}

/** Tokens and passwords do not mix in one profile: a mailbox has one way to sign in. */
function signInProblem(authentication: string | undefined, withTokens: boolean): string | null {
  if (withTokens && (authentication === "plain" || authentication === "login"))
    return "signs in with a password, but the profile has access tokens (oauth)";
  const needsTokens = authentication === "oauth" || authentication === "oauthbearer" || authentication === "xoauth2";
  return needsTokens && !withTokens ? "needs the section oauth in the server profile" : null;
}
