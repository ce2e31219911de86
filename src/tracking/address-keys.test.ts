import assert from "node:assert/strict";
import { test } from "node:test";
import { MAXIMUM_PARTIES } from "../model/facts.ts";
import { addressesOf } from "./address-keys.ts";
import { address, CARL, head } from "./test-data.ts";

const SEPARATORS = ["+"];

function some(count: number, of: string) {
  return Array.from({ length: count }, (_, index) => address(`${of}${index}@x.example`));
}

test("a page looks for each address once, and for those of which one may be a variant", () => {
  const one = head({
    from: [address("Bob@x.example")],
    to: [address("ann+a+b@x.example")],
    cc: [address("bob@x.example"), address("ann@x.example")],
  });
  assert.deepEqual(addressesOf([one, { ...one, bcc: [address(CARL)] }], SEPARATORS), {
    addresses: ["bob@x.example", "ann+a+b@x.example", "ann@x.example", CARL],
    names: ["ann+a@x.example"],
  });
});

test("of a message to thousands as many addresses are looked for as an email has parties, its sender before all", () => {
  const mailing = head({ from: [address(CARL)], to: some(2000, "a"), cc: some(2000, "b"), bcc: some(2000, "c") });
  const { addresses, names } = addressesOf([mailing], SEPARATORS);
  assert.deepEqual([addresses.length, addresses[0], addresses.at(-1), names], [MAXIMUM_PARTIES, CARL, "a1998@x.example", []]);
});

test("however many variants a message is written to, no more names are looked for than addresses", () => {
  const variants = Array.from({ length: 6000 }, (_, index) => address(`a${index}+b+c+d+e+f@x.example`));
  const { names } = addressesOf(
    [head({ to: variants.slice(0, 2000), cc: variants.slice(2000, 4000), bcc: variants.slice(4000) })],
    SEPARATORS,
  );
  assert.equal(names.length, MAXIMUM_PARTIES);
  const all = addressesOf([head({ to: some(1999, "a+") })], SEPARATORS);
  assert.deepEqual([all.addresses.length, all.names], [2000, ["a@x.example"]]);
});
