import assert from "node:assert/strict";
import { BlockList, isIP } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { isNetwork, liesWithin } from "./network.ts";

test("An address lies in a network that covers it, and in no other", () => {
  for (const [address, network, expected] of [
    ["192.0.2.7", "192.0.2.7", true],
    ["192.0.2.7", "192.0.2.0/24", true],
    ["192.0.3.7", "192.0.2.0/24", false],
    ["2001:db8::7", "2001:db8::/32", true],
    ["2001:DB8:0:0::7", "2001:db8::7", true],
    ["2001:db9::7", "2001:db8::/32", false],
    ["::ffff:192.0.2.7", "192.0.2.0/24", true],
    ["192.0.2.7", "2001:db8::/32", false],
    ["mail.example.com", "192.0.2.0/24", false],
    ["192.0.2.7", "nonsense", false],
  ] as const)
    assert.equal(liesWithin(address, ["198.51.100.1", network]), expected, `${address} in ${network}`);
});

test("What is no address and no network is told from what is", () => {
  for (const text of ["192.0.2.7", " 192.0.2.0/24 ", "0.0.0.0/0", "2001:db8::/32", "::1"]) assert.equal(isNetwork(text), true, text);
  for (const text of ["", "mail.example.com", "192.0.2", "192.0.2.0/33", "192.0.2.0/-1", "2001:db8::/129", "fe80::1%eth0", "/24"])
    assert.equal(isNetwork(text), false, text);
});

test("Every address is read as Node.js reads it", () => {
  const group = fc.integer({ min: 0, max: 0xffff }).map((number) => number.toString(16));
  const part = fc.oneof(group, fc.ipV4(), fc.constantFrom("", ":", "::", "0", "01", "g", "256", "."));
  const text = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.array(part, { maxLength: 9 }).map((parts) => parts.join(":")),
  );
  fc.assert(
    fc.property(text, fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: 0, max: 32 }), (address, network, prefix) => {
      const family = isIP(address);
      assert.equal(isNetwork(address), family !== 0, address);
      if (family === 0) return;
      const list = new BlockList();
      list.addSubnet(network, prefix, isIP(network) === 4 ? "ipv4" : "ipv6");
      const expected = list.check(address, family === 4 ? "ipv4" : "ipv6");
      assert.equal(
        liesWithin(address, [`${network}/${prefix}`]),
        expected || (family === 4 && isWideV6(network, prefix)),
        `${address} in ${network}/${prefix}`,
      );
    }),
    { numRuns: 2_000 },
  );
});

/** Such a network of IPv6 holds the addresses of IPv4 that IPv6 maps. */
function isWideV6(network: string, prefix: number): boolean {
  return isIP(network) === 6 && liesWithin("::ffff:0:0", [`${network}/${prefix}`]);
}
