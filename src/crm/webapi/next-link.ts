import type { ApiRequest } from "./exchange.ts";
import type { Reading } from "./reading.ts";
import { type Position, writeSkipToken } from "./skip-token.ts";

/** Rows of a page where the client asks for no other size, and most of any page; `$count` and `/$count` count no further (wire 7, Paging). */
export const MOST_ROWS = 5_000;

/** The same request with the position in it; the client sends it as it is. */
export function nextLink({ root }: Reading, { path, query }: Pick<ApiRequest, "path" | "query">, position: Position): string {
  return `${root}${path}?${[...withoutOptions(query, ["$skiptoken"]), `$skiptoken=${encodeURIComponent(writeSkipToken(position))}`].join("&")}`;
}

/** The options of a query string as they were written, without those of these names. */
export function withoutOptions(query: string, names: readonly string[]): string[] {
  return query.split("&").filter((one) => {
    const name = (one.split("=", 1)[0] ?? "").toLowerCase().replace("%24", "$");
    return one !== "" && !names.includes(name);
  });
}
