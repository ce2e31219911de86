import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { personName } from "./person-name.ts";
import { address, CARL } from "./test-data.ts";

describe("the name of a sender", () => {
  const rows: [display: string, firstname: string, lastname: string][] = [
    ["Ann Lee", "Ann", "Lee"],
    ["Lee, Ann", "Ann", "Lee"],
    ["  'Lee , Ann Mary'  ", "Ann Mary", "Lee"],
    ["Mary Ann Lee", "Mary Ann", "Lee"],
    ["Ludwig van Beethoven", "Ludwig", "van Beethoven"],
    ["Anna von der Heide", "Anna", "von der Heide"],
    ["van der Heide, Anna", "Anna", "van der Heide"],
    ["Martin King Jr.", "Martin", "King Jr."],
    ["Ann Lee, PhD", "Ann", "Lee PhD"],
    ["Ann Lee (Acme GmbH)", "Ann", "Lee"],
    ["Ann Lee [external]", "Ann", "Lee"],
    ["Ann Lee via Groups", "Ann", "Lee"],
    ["„Ann Lee“", "Ann", "Lee"],
    ["Sean O'Neill", "Sean", "O'Neill"],
    ["ann lee", "ann", "lee"],
    ["Cher", "", "Cher"],
    ["山田太郎", "", "山田太郎"],
    ["Lee,", "", "Lee"],
    ["", "", CARL],
    ["carl@other.example", "", CARL],
    ["()", "", CARL],
    ["Ann\u202e\u0000 Lee", "Ann", "Lee"],
  ];
  for (const [display, firstname, lastname] of rows) {
    it(JSON.stringify(display), () => assert.deepEqual(personName(address(CARL, display)), { firstname, lastname }));
  }

  it("fits its columns and is never empty, whatever a stranger writes", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 400 }),
      fc.string({ unit: fc.constantFrom("(", ",", " ", "a", "😀"), maxLength: 400 }),
    );
    fc.assert(
      fc.property(text, (display) => {
        const { firstname, lastname } = personName(address(CARL, display));
        assert.ok(firstname.length <= 50 && lastname.length <= 50 && lastname.length > 0);
        assert.doesNotMatch(firstname + lastname, /[\p{Cc}]/u);
      }),
    );
  });
});
