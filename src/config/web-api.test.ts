import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseConfiguration } from "../config.ts";
import { BUILT_IN_ROLES } from "../crm/webapi/roles.ts";

const PROFILE = "serverProfiles: [{ name: p, incoming: { host: imap.example.com } }]";
const user = (more: string) => `{ name: n, email: ${more.length}@example.com, ${more} }`;
const configured = (webApi: string, ...users: string[]) =>
  parseConfiguration(
    `organizations: [{ name: o, kind: embedded, webApi: ${webApi} }]\n${PROFILE}\nusers: [${users.join(", ")}]`,
    "waypost.yaml",
  );
const KEYS = "keysFile: keys.json";

describe("the configuration of the Web API", () => {
  it("takes the roles that come with the program, and no others", () => {
    const names = BUILT_IN_ROLES.map(({ name }) => name);
    assert.deepEqual(configured("{}", user(`roles: [${names.join(", ")}]`)).users[0]?.roles, names);
    assert.throws(() => configured("{}", user("roles: [Boss]")), /roles/);
  });

  it("takes keys from one place, and from the folder of the file", () => {
    const { organizations } = configured(`{ authority: { issuer: i, audience: a, ${KEYS} } }`);
    const [one] = organizations;
    assert.ok(one?.kind === "embedded" && one.webApi.enabled);
    assert.match(one.webApi.authority?.keysFile ?? "", /^(\/|[A-Z]:).*keys\.json$/);
    assert.throws(() => configured("{ authority: { issuer: i, audience: a } }"), /exactly one of keysUrl and keysFile/);
    assert.throws(() => configured(`{ authority: { issuer: i, audience: a, keysUrl: https://e.example/k, ${KEYS} } }`), /exactly one/);
    assert.throws(() => configured("{ authority: { issuer: i, audience: a, keysUrl: http://e.example/k } }"), /https/);
  });

  it("refuses an identity that stands on two users", () => {
    for (const [one, other] of [
      ["signInName: A@b.c", "signInName: a@B.c,"],
      ["objectId: 9f1a4a52-6e5c-4c5b-8f0e-3d6f2b6c7a10", "objectId: 9F1A4A52-6E5C-4C5B-8F0E-3D6F2B6C7A10,"],
      ["applicationId: 9f1a4a52-6e5c-4c5b-8f0e-3d6f2b6c7a10", "applicationId: 9f1a4a52-6e5c-4c5b-8f0e-3d6f2b6c7a10,"],
    ] as const)
      assert.throws(() => configured("{}", user(one), user(other)), /stands here a second time/);
  });
});
