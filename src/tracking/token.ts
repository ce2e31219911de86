import type { OrganizationSettings } from "../model/settings.ts";

/** The digits of a token: one fixed, the user's number (1 to 10), the counter (1 to 9). */
const FEWEST_DIGITS = 3;
const MOST_DIGITS = 20;

/** A subject full of tokens is an attack on the look-up; an honest one collects a few in a long conversation. */
const MAXIMUM_TOKENS = 10;

/** Longest subject that is searched. */
const SEARCHED = 4_000;

/** The online/offline digit of earlier releases; always this. */
const FIXED_DIGIT = "0";

/** Tracking tokens are switched on, and there is a prefix to make them with. */
export function tokensAreOn(settings: OrganizationSettings): boolean {
  return settings.trackingtokensenabled && settings.trackingprefix !== "";
}

/**
 * The tracking tokens in a subject, the last one first, each once, in the form in which the CRM stores them: the prefix as configured
 * (product-behaviour 4.6). Prefixes of earlier times count, and any number of digits that some setting can have made, because tokens
 * outlive the settings; whether a token is one of this CRM is for its emails to say. Empty when tokens are switched off.
 */
export function tokensIn(subject: string, settings: OrganizationSettings): string[] {
  if (!tokensAreOn(settings)) return [];
  const text = subject.slice(0, SEARCHED);
  const found = new Map<string, number>();
  for (const { prefix, pattern } of patternsFor(settings)) {
    for (const match of text.matchAll(pattern)) found.set(prefix + match[1], match.index);
  }
  return [...found]
    .sort((a, b) => b[1] - a[1])
    .slice(0, MAXIMUM_TOKENS)
    .map(([token]) => token);
}

/**
 * The token for a user's next email, or null when tokens are switched off. `userNumber` is `usersettings.trackingtokenid` (1 for the
 * first user), `counter` is `nexttrackingnumber`, which wraps after `maximumtrackingnumber`. A number with more digits than its place
 * is written in full: cutting it would give two users one token.
 */
export function nextToken(settings: OrganizationSettings, userNumber: number, counter: number): string | null {
  if (!tokensAreOn(settings)) return null;
  const user = String(settings.trackingtokenidbase + userNumber).padStart(settings.trackingtokeniddigits, "0");
  const message = String(counter % (settings.maximumtrackingnumber + 1)).padStart(String(settings.maximumtrackingnumber).length, "0");
  return `${settings.trackingprefix}${FIXED_DIGIT}${user}${message}`;
}

/**
 * A subject with its token at the end, in at most `maximumLength` UTF-16 units; the subject is cut to make room. When even the token
 * does not fit, it is left off (product-behaviour 4.2). A token that the subject holds already is moved, not repeated.
 */
export function withToken(subject: string, token: string | null, maximumLength: number): string {
  if (token === null || token === "" || token.length > maximumLength) return cut(subject.trim(), maximumLength);
  const bare = subject.replace(new RegExp(`${standingAlone(token)}\\s*`, "gu"), "").trim();
  const room = maximumLength - token.length - 1;
  const kept = room > 0 ? cut(bare, room) : "";
  return kept === "" ? token : `${kept} ${token}`;
}

/** A subject in which spaces stand for these tokens, in whatever case they are written there. */
export function withoutTokens(subject: string, tokens: readonly string[]): string {
  return tokens.reduce((text, token) => (token === "" ? text : text.replace(new RegExp(literally(token), "giu"), " ")), subject);
}

/** Cut without leaving half of a character. */
function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  const end = Math.max(0, length);
  const splitsPair = /[\uD800-\uDBFF]/.test(text.charAt(end - 1));
  return text.slice(0, splitsPair ? end - 1 : end).trimEnd();
}

interface PrefixPattern {
  readonly prefix: string;
  readonly pattern: RegExp;
}

/** Compiled once per settings object: they are the same for all heads of a page. */
const compiled = new WeakMap<OrganizationSettings, readonly PrefixPattern[]>();

function patternsFor(settings: OrganizationSettings): readonly PrefixPattern[] {
  const known = compiled.get(settings);
  if (known !== undefined) return known;
  const prefixes = new Set([settings.trackingprefix, ...settings.trackingprefixhistory].filter((one) => one !== ""));
  const patterns = [...prefixes].map((prefix) => ({
    prefix,
    pattern: new RegExp(`(?<![\\p{L}\\p{N}])${literally(prefix)}(\\d{${FEWEST_DIGITS},${MOST_DIGITS}})(?![\\p{L}\\p{N}])`, "giu"),
  }));
  compiled.set(settings, patterns);
  return patterns;
}

/** A pattern for the text itself where no letter or digit touches it. */
function standingAlone(text: string): string {
  return `(?<![\\p{L}\\p{N}])${literally(text)}(?![\\p{L}\\p{N}])`;
}

function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
