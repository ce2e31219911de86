import { setTimeout as wait } from "node:timers/promises";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Database } from "../database/database.ts";
import type { Log } from "../engine/log.ts";
import { Failure } from "../model/failure.ts";
import type { Metrics } from "./metrics.ts";
import { readStanding, type Standing } from "./standing.ts";
import { isLoopback } from "./web-address.ts";

/** How long the database may take to answer, in milliseconds: an embedded one stands in line behind whoever uses it. */
const PATIENCE = 5000;

export interface HealthSources {
  readonly database: Database;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly isOperator: (request: FastifyRequest) => boolean;
}

/** `/healthz`: the process lives. `/readyz`: it can work, which takes the database. `/metrics`: for this machine and holders of the token. */
export function addHealth(app: FastifyInstance, { database, metrics, log, isOperator }: HealthSources): void {
  const config = { open: true };
  app.get("/healthz", { config }, () => ({ healthy: true }));

  app.get("/readyz", { config }, async (_request, reply) => {
    const reason = await inTime(database.query("select 1")).then(
      () => null,
      (error: unknown) => (error instanceof Failure ? error.code : "database failed"),
    );
    return reason === null ? { ready: true } : reply.code(503).send({ ready: false, reason });
  });

  app.get("/metrics", async (request, reply) => {
    if (!isOperator(request) && !isFromThisMachine(request)) {
      return reply.code(403).type("text/plain").send("Metrics are for this machine, or for a request with the service's bearer token.\n");
    }
    // Counts of the process are worth most when the database is away.
    const standing = await inTime(readStanding(database)).catch((error: unknown): Standing | null => {
      log.warn({ error }, "metrics are without how things stand");
      return null;
    });
    return reply.type(metrics.contentType).send(await metrics.text(standing));
  });
}

/** A proxy on this machine speaks for somebody else. */
function isFromThisMachine({ ip, headers }: FastifyRequest): boolean {
  return isLoopback(ip) && headers.forwarded === undefined && headers["x-forwarded-for"] === undefined;
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const giveUp = new AbortController();
  try {
    return await Promise.race([
      work,
      wait(PATIENCE, undefined, { signal: giveUp.signal }).then((): never => {
        throw new Failure({
          scope: "process",
          code: "database slow",
          message: `The database gave no answer in ${PATIENCE / 1000} s.`,
          remedy: "Look for what keeps it busy.",
          waitingHelps: true,
        });
      }),
    ]);
  } finally {
    giveUp.abort();
  }
}
