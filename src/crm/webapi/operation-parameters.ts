import { aliasesOf } from "./aliases.ts";
import { ApiFault, type ApiRequest } from "./exchange.ts";
import { isGuid, type Literal, readLiteral } from "./literal.ts";
import type { Operation, OperationCall, OperationParameter } from "./operation.ts";
import { badQuery } from "./query-fault.ts";
import { readRelaxedJson } from "./relaxed-json.ts";
import { splitOutside } from "./split-outside.ts";

/** Parameters and aliases of one call: no operation has twenty. */
const MOST_PARAMETERS = 64;
/** UTF-16 units of a text, twice what the body of an email may have and more: it is cut by whoever stores it. */
export const LONGEST_TEXT = 16 * 1024 * 1024;
/** Members of a collection: parties, attachments, blocks. */
const MOST_MEMBERS = 5_000;
/** Properties of an entity that is handed in. */
const MOST_PROPERTIES = 500;

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,12})?)?(Z|[-+]\d\d:\d\d)$/i;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;
const NAMESPACES = ["#Microsoft.Dynamics.CRM.", "Microsoft.Dynamics.CRM.", "#mscrm.", "mscrm."] as const;

/**
 * The parameters of a call, by name, each checked against its declared type: of a function those in the parentheses, where `@p1` stands for what the
 * query string says of it (a literal, or JSON for entities and collections); of an action the properties of the body. What was null or left out is missing.
 * Throws ApiFault 400: a parameter that the operation does not have, a required one that is missing, a value of another type or beyond its limit.
 */
export function readParameters(operation: Operation, between: string | null, request: ApiRequest): ReadonlyMap<string, unknown> {
  const given = operation.kind === "function" ? inParentheses(between, request.query) : inBody(operation, between, request.body);
  const declared = new Map(operation.parameters.map((parameter) => [parameter.name, parameter]));
  const read = new Map<string, unknown>();
  for (const [name, value] of given) {
    const parameter = declared.get(name);
    if (!parameter) throw unknownParameter(operation, name);
    if (value !== null) read.set(name, checked(parameter, value));
  }
  for (const { name, required } of operation.parameters) if (required && !read.has(name)) throw missing(operation, name);
  return read;
}

/** A text parameter; null where it was left out. */
export function textOf({ parameters }: Pick<OperationCall, "parameters">, name: string): string | null {
  const value = parameters.get(name);
  return typeof value === "string" ? value : null;
}

/** A Boolean parameter; null where it was left out. */
export function flagOf({ parameters }: Pick<OperationCall, "parameters">, name: string): boolean | null {
  const value = parameters.get(name);
  return typeof value === "boolean" ? value : null;
}

/** A whole number; null where it was left out. */
export function numberOf({ parameters }: Pick<OperationCall, "parameters">, name: string): number | null {
  const value = parameters.get(name);
  return typeof value === "number" ? value : null;
}

/** An entity or complex value; null where it was left out. */
export function objectOf({ parameters }: Pick<OperationCall, "parameters">, name: string): Readonly<Record<string, unknown>> | null {
  const value = parameters.get(name);
  return isObject(value) ? value : null;
}

/** A collection; empty where it was left out. */
export function membersOf({ parameters }: Pick<OperationCall, "parameters">, name: string): readonly unknown[] {
  const value = parameters.get(name);
  return Array.isArray(value) ? value : [];
}

/** A JSON object that is no array. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A type name without its namespace: `email` of `#Microsoft.Dynamics.CRM.email`, which the documentation writes with and without the sign. */
export function plainType(type: string): string {
  const namespace = NAMESPACES.find((one) => type.startsWith(one));
  return namespace ? type.slice(namespace.length) : type;
}

function inParentheses(between: string | null, query: string): ReadonlyMap<string, unknown> {
  const given = new Map<string, unknown>();
  if (between === null || between.trim() === "") return given;
  const aliases = aliasesOf(query);
  for (const part of splitOutside(between, ",", MOST_PARAMETERS)) {
    const at = part.indexOf("=");
    const [name, value] = [part.slice(0, at).trim(), part.slice(at + 1).trim()];
    if (at < 0 || given.has(name)) throw badQuery("Bad Request - Error in query syntax.");
    // An alias that the query does not name is null (OData 4.0, 5.1.1.10.2).
    const text = value.startsWith("@") ? (aliases.get(value) ?? "null") : value;
    given.set(name, argument(text.trim()));
  }
  return given;
}

function argument(text: string): unknown {
  if (text.startsWith("{") || text.startsWith("[")) return readRelaxedJson(text);
  const literal = readLiteral(text);
  if (literal === null) throw badQuery("Bad Request - Error in query syntax.");
  return plain(literal);
}

function plain(literal: Literal): unknown {
  if (literal.type === "null") return null;
  return literal.type === "number" ? Number(literal.text) : literal.value;
}

function inBody(operation: Operation, between: string | null, body: unknown): ReadonlyMap<string, unknown> {
  if (between !== null && between.trim() !== "") throw badQuery("Bad Request - Error in query syntax.");
  if (body === undefined || body === null) return new Map();
  if (!isObject(body)) throw badPayload(operation, "The parameters of an action are a JSON object.");
  const entries = Object.entries(body).filter(([name]) => !name.startsWith("@odata."));
  if (entries.length > MOST_PARAMETERS) throw badPayload(operation, "There are too many parameters.");
  return new Map(entries);
}

function checked(parameter: OperationParameter, value: unknown): unknown {
  const member = /^Collection\((.+)\)$/.exec(parameter.type)?.[1];
  if (member === undefined) return checkedOne(parameter, parameter.type, value);
  if (!Array.isArray(value)) throw mistyped(parameter, value);
  if (value.length > MOST_MEMBERS) throw tooLong(parameter);
  return value.map((one: unknown) => checkedOne(parameter, member, one));
}

function checkedOne(parameter: OperationParameter, type: string, value: unknown): unknown {
  switch (type) {
    case "Edm.String":
      if (typeof value !== "string") throw mistyped(parameter, value);
      if (value.length > LONGEST_TEXT) throw tooLong(parameter);
      return value;
    case "Edm.Boolean":
      if (typeof value !== "boolean") throw mistyped(parameter, value);
      return value;
    case "Edm.Int32":
      if (typeof value !== "number" || !Number.isInteger(value) || Math.abs(value) > 2_147_483_647) throw mistyped(parameter, value);
      return value;
    case "Edm.Guid":
      if (typeof value !== "string" || !isGuid(value)) throw mistyped(parameter, value);
      return value.toLowerCase();
    case "Edm.DateTimeOffset":
      if (typeof value !== "string" || !INSTANT.test(value) || Number.isNaN(Date.parse(value))) throw mistyped(parameter, value);
      return value;
    case "Edm.Binary":
      if (typeof value !== "string" || !BASE64.test(value)) throw mistyped(parameter, value);
      if (value.length > LONGEST_TEXT) throw tooLong(parameter);
      return value;
    default:
      return checkedObject(parameter, plainType(type), value);
  }
}

function checkedObject(parameter: OperationParameter, type: string, value: unknown): Readonly<Record<string, unknown>> {
  if (!isObject(value)) throw mistyped(parameter, value);
  if (Object.keys(value).length > MOST_PROPERTIES) throw tooLong(parameter);
  const named = value["@odata.type"];
  if (named !== undefined && typeof named !== "string") throw mistyped(parameter, value);
  // Whatever is an entity may stand where the base type is declared; what it is must then be said.
  const isOpen = type === "crmbaseentity" || type === "QueryBase";
  const types = [type, ...(parameter.alsoTypes ?? [])];
  if (named !== undefined && !isOpen && !types.includes(plainType(named))) throw mistyped(parameter, value);
  if (isOpen && named === undefined && value["@odata.id"] === undefined) throw mistyped(parameter, value);
  return value;
}

function unknownParameter(operation: Operation, name: string): ApiFault {
  if (operation.kind === "function") return new ApiFault(404, "0x8006088a", `Resource not found for the segment '${operation.name}'.`);
  return badPayload(
    operation,
    `The parameter '${shown(name)}' in the request payload is not a valid parameter for the operation '${operation.name}'.`,
  );
}

function missing(operation: Operation, name: string): ApiFault {
  return new ApiFault(
    400,
    "0x80040200",
    `Required field missing. The parameter '${name}' is required for the operation '${operation.name}'.`,
  );
}

function mistyped({ name, type }: OperationParameter, value: unknown): ApiFault {
  const found =
    value === null ? "null" : Array.isArray(value) ? "a collection" : typeof value === "object" ? "an object" : `a ${typeof value}`;
  return new ApiFault(
    400,
    "0x80048d19",
    `Error identified in Payload provided by the user for Entity :'', The parameter '${name}' must be of type '${type}', but ${found} of another form was given.`,
  );
}

function tooLong({ name }: OperationParameter): ApiFault {
  return new ApiFault(400, "0x80044331", `A validation error occurred. The value of the parameter '${name}' is too long.`);
}

function badPayload({ name }: Operation, message: string): ApiFault {
  return new ApiFault(400, "0x80048d19", `Error identified in Payload provided by the user for Entity :'', Operation: ${name}. ${message}`);
}

/** On one line and of bearable length. */
function shown(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").slice(0, 100);
}
