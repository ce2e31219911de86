/** Properties that documented bodies have and ours need not, each for its reason. */
const NOT_OURS = new Map([
  ["_transactioncurrencyid_value", "there is one currency"],
  ["_transactioncurrencyid_value@OData.Community.Display.V1.FormattedValue", "there is one currency"],
  ["transactioncurrencyid_value", "there is one currency, and the name lacks a sign"],
  ["innererror", "errors of v9.0; today's have none"],
  ["azureactivedirectoryobjectid", "in the documentation beside what was selected of a user"],
  ["ownerid", "in the documentation beside the key of a user"],
  ["Account_Tasks@odata.nextLink", "collections in sets came behind links in v9.0; today's come with the rows"],
]);

/** Properties that ours may have besides. */
const ALSO_OURS = new Set(["@odata.etag", "@odata.nextLink"]);

/** How the shape of an answer differs from the documented one: names, kinds of values, emptiness of collections. Empty: it does not. */
export function differences(documented: unknown, ours: unknown, place = "body"): string[] {
  if (documented === null) return [];
  if (Array.isArray(documented)) {
    if (!Array.isArray(ours)) return [`${place} is no collection`];
    const [one, other]: [unknown, unknown] = [documented[0], ours[0]];
    if (one === undefined) return [];
    return other === undefined ? [`${place} is empty`] : differences(one, other, `${place}[0]`);
  }
  if (typeof documented !== "object") return typeof documented === typeof ours ? [] : [`${place} is ${JSON.stringify(ours)}`];
  if (typeof ours !== "object" || ours === null) return [`${place} is ${JSON.stringify(ours)}`];
  const mine = new Map<string, unknown>(Object.entries(ours));
  const theirs = Object.entries(documented).filter(([name]) => !NOT_OURS.has(name) || mine.has(name));
  const missing = theirs.flatMap(([name, value]) =>
    mine.has(name) ? differences(value, mine.get(name), `${place}.${name}`) : [`${place}.${name} is missing`],
  );
  const known = new Set(theirs.map(([name]) => name));
  const more = [...mine.keys()].filter((name) => !known.has(name) && !ALSO_OURS.has(name));
  return [...missing, ...more.map((name) => `${place}.${name} is not in the documentation`)];
}
