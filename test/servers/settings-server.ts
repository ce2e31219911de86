import { once } from "node:events";
import type { IncomingHttpHeaders } from "node:http";
import { createServer } from "node:https";
import type { Certificate } from "./certificates.ts";

export type SettingsPage =
  | { readonly status?: number; readonly body?: string; readonly location?: string }
  /** Takes the question and never answers. */
  | "silence";

/** A question as it came. */
export interface Asked {
  readonly url: string;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A web server with TLS on a port of 127.0.0.1 that answers from a table of URLs; what is not there is a 404. */
export interface SettingsServer extends AsyncDisposable {
  readonly port: number;
  readonly asked: readonly Asked[];
  /** By host and path without the query, like `autoconfig.example.test/mail/config-v1.1.xml`. */
  set(pages: Readonly<Record<string, SettingsPage>>): void;
}

export async function startSettingsServer({ cert, key }: Certificate): Promise<SettingsServer> {
  let pages: Readonly<Record<string, SettingsPage>> = {};
  const asked: Asked[] = [];
  const server = createServer({ cert, key }, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { url = "/", method = "GET", headers } = request;
    const host = (headers.host ?? "").replace(/:\d+$/, "");
    asked.push({ url: `https://${host}${url}`, method, headers, body: Buffer.concat(chunks).toString("utf8") });
    const page = pages[`${host}${url.replace(/\?.*$/, "")}`] ?? { status: 404 };
    if (page === "silence") return;
    response.writeHead(page.status ?? 200, page.location === undefined ? {} : { location: page.location }).end(page.body ?? "");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the web server has no port");
  return {
    port: address.port,
    asked,
    set(next) {
      pages = next;
      asked.length = 0;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
