import { Failure } from "../model/failure.ts";

/**
 * A statement that the server refused, the same on both engines. The server's DETAIL is left out on purpose: it quotes values of rows,
 * which must not reach logs.
 */
export class SqlError extends Error {
  /** SQLSTATE, five characters. */
  readonly code: string;
  readonly constraint: string | undefined;
  readonly table: string | undefined;
  readonly column: string | undefined;

  constructor(facts: SqlErrorFacts) {
    super(facts.message);
    this.name = "SqlError";
    this.code = facts.code;
    this.constraint = facts.constraint;
    this.table = facts.table;
    this.column = facts.column;
  }
}

export interface SqlErrorFacts {
  readonly message: string;
  readonly code: string;
  readonly constraint?: string | undefined;
  readonly table?: string | undefined;
  readonly column?: string | undefined;
}

const UNAVAILABLE = "database unavailable";
const DISK_FULL = "disk full";

/** Serialization failure, deadlock, lock not available: the same transaction can succeed when it is run again. */
const RUN_AGAIN = new Set(["40001", "40P01", "55P03"]);
/** Shutdown, crash, starting up, too many connections (PostgreSQL appendix A); class 08 is added by prefix. */
const SERVER_AWAY = new Set(["57P01", "57P02", "57P03", "57P05", "53300", "25P03", "25P04"]);
/** The database cannot be reached, or the connection was lost on the way. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof Failure && error.code === UNAVAILABLE;
}

/** The same work may succeed when it is run again in a new transaction, without anybody doing anything. */
export function isTransient(error: unknown): boolean {
  if (error instanceof Failure) return error.code === UNAVAILABLE || error.code === DISK_FULL;
  return error instanceof SqlError && RUN_AGAIN.has(error.code);
}

/**
 * A `Failure` where the database as a whole is in trouble, the refused statement as {@link SqlError}, or a programming error as it is.
 * `place` names the database without secrets.
 */
export function toDatabaseError(error: unknown, place: string): Error {
  if (error instanceof Failure || error instanceof SqlError || error instanceof TypeError || error instanceof RangeError) return error;
  const code = stringField(error, "code") ?? "";
  const message = error instanceof Error ? error.message : String(error);
  if (code === "53100" || code === "ENOSPC") return diskFull(place, message, error);
  if (code.startsWith("28")) return signInRefused(place, message, error);
  if (code === "3D000") return missing(place, message, error);
  // What carries no SQLSTATE comes from the socket or the driver (ECONNREFUSED, EPIPE, "Connection terminated"): there is no usable connection.
  const refused = /^[0-9A-Z]{5}$/.test(code) && code !== "EPIPE";
  if (!refused || SERVER_AWAY.has(code) || code.startsWith("08")) return unavailable(place, message, error);
  const [constraint, table, column] = [stringField(error, "constraint"), stringField(error, "table"), stringField(error, "column")];
  return new SqlError({ message, code, constraint, table, column });
}

export function unavailable(place: string, said: string, cause?: unknown): Failure {
  return new Failure({
    scope: "process",
    code: UNAVAILABLE,
    message: `The database ${place} cannot be reached or lost the connection.`,
    serverSaid: said,
    remedy: "See that the database server runs and can be reached from here. Waypost connects again by itself.",
    waitingHelps: true,
    cause,
  });
}

function diskFull(place: string, said: string, cause: unknown): Failure {
  return new Failure({
    scope: "process",
    code: DISK_FULL,
    message: `The disk of the database ${place} is full.`,
    serverSaid: said,
    remedy: "Free space on that disk or enlarge it. Waypost goes on by itself.",
    waitingHelps: true,
    cause,
  });
}

function signInRefused(place: string, said: string, cause: unknown): Failure {
  return new Failure({
    scope: "process",
    code: "database sign-in refused",
    message: `The database ${place} refused the sign-in.`,
    serverSaid: said,
    remedy: "Correct user and password in the database URL.",
    waitingHelps: false,
    cause,
  });
}

function missing(place: string, said: string, cause: unknown): Failure {
  return new Failure({
    scope: "process",
    code: "database missing",
    message: `The database ${place} does not exist.`,
    serverSaid: said,
    remedy: "Create the database, or correct its name in the database URL.",
    waitingHelps: false,
    cause,
  });
}

function stringField(error: unknown, field: string): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const value: unknown = Reflect.get(error, field);
  return typeof value === "string" ? value : undefined;
}
