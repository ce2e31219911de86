/** A structured field value: `text/plain; charset=utf-8` (RFC 2045 5.1). Text is latin1, RFC 2231 forms are left as they are. */
export interface ValueWithParameters {
  /** In lower case, without comments. */
  readonly value: string;
  /** Names in lower case, in order. */
  readonly parameters: readonly (readonly [name: string, value: string])[];
}

const PARAMETER = /;\s*([^\s=;"()]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"()]*))/g;

export function valueWithParameters(text: string): ValueWithParameters {
  const value = /^[^\s;()]*/.exec(text.trimStart())?.[0] ?? "";
  const parameters: [string, string][] = [];
  for (const [, name = "", quoted, plain = ""] of text.matchAll(PARAMETER)) {
    parameters.push([name.toLowerCase(), quoted === undefined ? plain : quoted.replace(/\\(.)/g, "$1")]);
  }
  return { value: value.toLowerCase(), parameters };
}

export function parameter(from: ValueWithParameters, name: string): string | null {
  return from.parameters.find(([candidate]) => candidate === name)?.[1] ?? null;
}
