import { z } from "zod";
import { LinearPattern } from "../../model/linear-pattern.ts";
import { DEFAULT_SETTINGS, type OrganizationSettings } from "../../model/settings.ts";

/** A setting that Waypost takes otherwise than it is set in Dynamics. */
export interface ReplacedSetting {
  readonly name: string;
  /** As it is set there. */
  readonly value: string;
  /** What counts here, in the same measure. */
  readonly taken: string;
}

/** What a value comes to. */
interface Reading<Value> {
  /** Undefined: no value of the setting is meant, and the default counts. */
  readonly value: Value | undefined;
  /** What is taken for it, where it is not taken as it is. */
  readonly instead?: string;
}

/** Reads a value that is set in Dynamics. */
export type Reader<Value> = (said: unknown) => Reading<Value>;
export type Readers = Readonly<Partial<Record<keyof OrganizationSettings, Reader<unknown>>>>;
type ReadBy<Given> = { readonly [Name in keyof Given]?: Given[Name] extends Reader<infer Value> ? Value : never };

/** A column that says yes or no. */
export const flag = meant(z.boolean());

/** A switch that says yes or no, as Dynamics writes it: `true`, `1`. */
export const truth = meant(
  z
    .string()
    .toLowerCase()
    .pipe(z.enum(["true", "false", "1", "0"]))
    .transform((said) => said === "true" || said === "1"),
);

const written = z
  .string()
  .regex(/^-?\d{1,15}$/)
  .transform(Number);

export const text = (pattern: RegExp = /^/): Reader<string> => meant(z.string().regex(pattern));
/** A column with a regular expression in .NET syntax. */
export const pattern = meant(z.string().refine((said) => !("problem" in LinearPattern.read(said))));
/** A column with a whole number, brought into these bounds. */
export const whole = (least: number, most: number): Reader<number> => within(z.number().int(), least, most);
/** A switch with a whole number, brought into these bounds. */
export const writtenNumber = (least: number, most: number): Reader<number> => within(written, least, most);
/** A switch with one of these numbers. */
export const oneOf = (...choices: number[]): Reader<number> => meant(written.pipe(z.literal(choices)));

/** A column that counts bytes, read as kilobytes: 5,242,880 by default. */
export function size(mostKilobytes: number): Reader<number> {
  const bytes = whole(0, mostKilobytes * 1024);
  return (said) => {
    const { value, ...rest } = bytes(said);
    return { ...rest, value: value === undefined ? undefined : Math.trunc(value / 1024) };
  };
}

function meant<Value>(schema: z.ZodType<Value>): Reader<Value> {
  return (said) => ({ value: schema.safeParse(said).data });
}

function within(schema: z.ZodType<number>, least: number, most: number): Reader<number> {
  return (said) => {
    const { data } = schema.safeParse(said);
    if (data === undefined) return { value: undefined };
    const value = Math.min(Math.max(data, least), most);
    return value === data ? { value } : { value, instead: String(value) };
  };
}

/** What these values come to, each read by its reader; names without one mean nothing here. */
export function readEach<Given extends Readers>(
  readers: Given,
  values: Readonly<Record<string, unknown>>,
): { readonly read: ReadBy<Given>; readonly replaced: readonly ReplacedSetting[] } {
  const read = new Map<string, unknown>();
  const replaced: ReplacedSetting[] = [];
  for (const [name, reader] of Object.entries<Reader<unknown>>(readers)) {
    if (!Object.hasOwn(values, name)) continue;
    const said = values[name];
    const { value, instead } = reader(said);
    if (value !== undefined) read.set(name, value);
    const taken = value === undefined ? defaultOf(name) : instead;
    if (taken !== undefined) replaced.push({ name, value: shown(said), taken });
  }
  // Each name has what its reader gave, and those that gave nothing are not there.
  return { read: Object.fromEntries(read) as ReadBy<Given>, replaced };
}

const DEFAULTS: ReadonlyMap<string, unknown> = new Map(Object.entries(DEFAULT_SETTINGS));

function defaultOf(name: string): string {
  return `the default, ${shown(DEFAULTS.get(name))}`;
}

function shown(value: unknown): string {
  const whole = typeof value === "string" ? value : JSON.stringify(value);
  return whole.length > 100 ? `${whole.slice(0, 100)}…` : whole;
}
