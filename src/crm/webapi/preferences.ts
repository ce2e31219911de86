/** What a `Prefer` header asks of a reading (wire 7, Retrieve and Paging). */
export interface Preferences {
  readonly maximumPageSize: number | null;
  /** As it was sent: `*`, `OData.Community.Display.V1.*`; null: no annotations. */
  readonly annotations: string | null;
  readonly trackChanges: boolean;
}

const NAMES = /([A-Za-z0-9.-]+)(?:[ \t]*=[ \t]*(?:"([^"]*)"|([^",; \t]*)))?[ \t]*(?:[,;]|$)/y;

/** Reads a `Prefer` header; what it does not know or cannot read it leaves out, as RFC 7240 asks. */
export function readPreferences(header: string | undefined): Preferences {
  const values = new Map<string, string>();
  const text = header ?? "";
  let at = 0;
  while (at < text.length) {
    while (text[at] === " " || text[at] === "\t" || text[at] === ",") at++;
    NAMES.lastIndex = at;
    const found = NAMES.exec(text);
    if (!found) break;
    const name = (found[1] ?? "").toLowerCase();
    // The first counts (RFC 7240, 2).
    if (!values.has(name)) values.set(name, found[2] ?? found[3] ?? "");
    at = NAMES.lastIndex;
  }
  const size = values.get("odata.maxpagesize") ?? values.get("maxpagesize") ?? "";
  const annotations = values.get("odata.include-annotations") ?? null;
  return {
    maximumPageSize: /^[1-9]\d{0,8}$/.test(size) ? Number(size) : null,
    annotations: annotations === "" ? null : annotations,
    trackChanges: values.has("odata.track-changes") || values.has("track-changes"),
  };
}

/** Is an annotation asked for? A list of names, with `*` for all or all below a namespace; `-` in front takes out (OData 4.0 part 1, 8.2.8.4). */
export function includesAnnotation(asked: string | null, name: string): boolean {
  let included = false;
  for (const part of asked?.split(",").slice(0, 20) ?? []) {
    const pattern = part.trim();
    const without = pattern.startsWith("-");
    const wanted = without ? pattern.slice(1) : pattern;
    const fits = wanted === "*" || wanted === name || (wanted.endsWith(".*") && name.startsWith(wanted.slice(0, -1)));
    if (fits) included = !without;
  }
  return included;
}
