/** Where the browser comes back to after somebody signed in: an address of this machine alone, for one answer (RFC 8252 7.3). */
import http from "node:http";

/** Bytes of an address line; a code takes some hundred, Microsoft's up to two thousand. */
const LARGEST_HEAD = 32 * 1024;
/** What the address line of a request is relative to. */
const HERE = "http://127.0.0.1";

export interface Loopback extends AsyncDisposable {
  /** `http://127.0.0.1:<port>` */
  readonly redirectUri: string;
  /** Resolves to what the browser brought, once it brought the `state`. Rejects with the reason of `signal`. */
  answer(state: string, signal: AbortSignal): Promise<URLSearchParams>;
}

/** Opens it on this port; 0 takes any that is free. Both addresses of `localhost` are served where the machine has both. */
export async function openLoopback(host: "localhost" | "127.0.0.1", port: number): Promise<Loopback> {
  const came = new Map<string, URLSearchParams>();
  let waiting: { readonly state: string; readonly take: (answer: URLSearchParams) => void } | null = null;
  const serve = (request: http.IncomingMessage, response: http.ServerResponse) => {
    const url = placeOf(request);
    const state = url?.searchParams.get("state") ?? null;
    // Browsers ask for icons too, and other programs of this machine for anything.
    if (request.method !== "GET" || url?.pathname !== "/" || state === null) return page(response, 404, "There is nothing here.");
    if (waiting?.state === state) waiting.take(url.searchParams);
    else if (came.size < 10) came.set(state, url.searchParams);
    const said = url.searchParams.has("error") ? "The sign-in service gave no access." : "Waypost has the answer.";
    return page(response, 200, `${said} Go back to the command line; this window can be closed.`);
  };
  const servers = [await listen(serve, "127.0.0.1", port)];
  const bound = portOf(servers[0]);
  if (host === "localhost") {
    // Without IPv6, or with another program on that port of it, browsers that try ::1 first go on to 127.0.0.1.
    const second = await listen(serve, "::1", bound).catch(() => null);
    if (second !== null) servers.push(second);
  }
  return {
    redirectUri: `http://${host}:${bound}`,
    answer: (state, signal) =>
      new Promise((resolve, reject) => {
        const earlier = came.get(state);
        if (earlier !== undefined) return resolve(earlier);
        waiting = { state, take: resolve };
        if (signal.aborted) return reject(signal.reason);
        return signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      }),
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map(close));
    },
  };
}

/** What the request asks for; null where that is no address at all, as in `GET //`: what throws in here ends the process. */
function placeOf({ url = "/" }: http.IncomingMessage): URL | null {
  return URL.canParse(url, HERE) ? new URL(url, HERE) : null;
}

function listen(serve: http.RequestListener, host: string, port: number): Promise<http.Server> {
  return new Promise((resolve, reject) => {
    const server = http.createServer({ maxHeaderSize: LARGEST_HEAD, requestTimeout: 10_000 }, serve);
    server.once("error", reject).listen(port, host, () => resolve(server));
  });
}

function portOf(server: http.Server | undefined): number {
  const address = server?.address();
  if (address === null || address === undefined || typeof address === "string") throw new Error("the loopback server has no port");
  return address.port;
}

/** The answer that is being written still goes out: closing waits for it. */
function close(server: http.Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}

function page(response: http.ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    connection: "close",
  });
  response.end(`<!doctype html><title>Waypost</title><p>${text}</p>`);
}
