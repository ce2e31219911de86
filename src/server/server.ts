import { randomBytes } from "node:crypto";
import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import type { EmbeddedCrm } from "../crm/embedded.ts";
import type { Database } from "../database/database.ts";
import type { Log } from "../engine/log.ts";
import type { Operations } from "../engine/operations/operations.ts";
import { Failure } from "../model/failure.ts";
import type { Metrics } from "./metrics.ts";
import { SignIn } from "./sign-in.ts";
import { urlOf } from "./web-address.ts";
import type { ServedWebApi } from "./web-api.ts";
import { buildWebApp } from "./web-app.ts";

export interface ServerOptions {
  readonly database: Database;
  readonly crm: Pick<EmbeddedCrm, "listEmails" | "readEmail" | "readRecord" | "deleted">;
  readonly operations: Operations;
  readonly metrics: Metrics;
  readonly log: Log;
  /** The embedded CRM's Web API; left out: it is not served. */
  readonly webApi?: ServedWebApi | null;
  readonly host: string;
  /** Names under which a reverse proxy in front is reached; none: there is no proxy. */
  readonly names?: readonly string[];
  /** 0: any free one. */
  readonly port: number;
}

export interface Server {
  /** Where it can be reached from this machine. */
  readonly url: string;
  /** Bearer token of the operations, random at each start. */
  readonly operationsToken: string;
  /** A link that signs one browser in, once, within an hour. */
  oneTimeLink(): string;
  /** Cuts running operations short and ends. */
  close(): Promise<void>;
}

/** How long running requests may take to end, in milliseconds; a reader who takes no bytes would hold the service for ever. */
const GRACE = 5000;

/** Starts the web server: pages for readers, operations for the command line, health and metrics. Throws a Failure when it cannot listen. */
export async function startServer({ host, port, ...sources }: ServerOptions): Promise<Server> {
  const operationsToken = randomBytes(32).toString("base64url");
  const signIn = new SignIn();
  const app = await buildWebApp({ ...sources, listenHost: host, operationsToken, signIn });
  try {
    await listen(app, host, port);
  } catch (error) {
    await app.close();
    throw cannotListen(host, port, error);
  }
  const url = urlOf(host, (app.server.address() as AddressInfo).port);
  return {
    url,
    operationsToken,
    oneTimeLink: () => `${url}/enter?key=${signIn.offer()}`,
    async close() {
      const hurry = setTimeout(() => app.server.closeAllConnections(), GRACE);
      await app.close();
      clearTimeout(hurry);
    },
  };
}

function listen(app: FastifyInstance, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => app.listen({ host, port }, (error) => (error ? reject(error) : resolve())));
}

function cannotListen(host: string, port: number, cause: unknown): Failure {
  return new Failure({
    scope: "process",
    code: "cannot listen",
    message: `The web server cannot listen on ${host}, port ${port}: ${cause instanceof Error ? cause.message : String(cause)}`,
    remedy: "End the program that has the port, or set listen.host and listen.port in the configuration to free ones.",
    waitingHelps: false,
    cause,
  });
}
