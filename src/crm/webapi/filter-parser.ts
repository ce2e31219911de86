import { z } from "zod";
import { ApiFault } from "./exchange.ts";
import type { Comparison, Filter, Operand, PropertyPath } from "./filter.ts";
import { FilterLexer } from "./filter-lexer.ts";
import { readLiteral } from "./literal.ts";
import { badQuery } from "./query-fault.ts";
import { splitOutside } from "./split-outside.ts";

/** Longest filter, in characters: Dataverse takes URLs of 32,768. */
const LONGEST = 32_768;
/** Dynamics takes 500 conditions in a query (TooManyConditionsInQuery). */
const MOST_CONDITIONS = 500;
/** Values of one In or NotIn (TooManyConditionParametersInQuery). */
const MOST_VALUES = 2_000;
/** Parentheses, nots and lambdas in one another. */
const DEEPEST = 50;
/** Names in a path: Dynamics joins ten tables at most. */
const LONGEST_PATH = 10;

const COMPARISONS: ReadonlySet<string> = new Set<Comparison>(["eq", "ne", "gt", "ge", "lt", "le"]);
const NAMESPACE = /^(?:Microsoft\.Dynamics\.CRM|mscrm)\.([A-Za-z0-9]+)$/;

const listOf = z.array(z.union([z.string(), z.number(), z.boolean()])).max(MOST_VALUES);

/** Values of `@p1` by name with the sign, decoded. */
export type Aliases = ReadonlyMap<string, string>;

/**
 * Parses the decoded text of a `$filter` (OData 4.0 ABNF boolCommonExpr as far as Dynamics knows it: comparisons, and, or, not, contains, startswith,
 * endswith, any, all and the query functions of its own; wire 7). Time and stack are bounded by the limits above. Throws ApiFault 400.
 */
export function parseFilter(text: string, aliases: Aliases = new Map()): Filter {
  if (text.length > LONGEST) throw badQuery("The filter is too long.");
  return new FilterParser(new FilterLexer(text), aliases).whole();
}

class FilterParser {
  readonly #lexer: FilterLexer;
  readonly #aliases: Aliases;
  #conditions = 0;
  #depth = 0;
  /** Of the innermost lambda; null outside of all. */
  #variable: string | null = null;

  constructor(lexer: FilterLexer, aliases: Aliases) {
    this.#lexer = lexer;
    this.#aliases = aliases;
  }

  whole(): Filter {
    const filter = this.#or();
    if (this.#lexer.next.kind !== "end") throw this.#lexer.fault("Syntax error");
    return filter;
  }

  #or(): Filter {
    return this.#chain("or", () => this.#chain("and", () => this.#unary()));
  }

  #chain(kind: "and" | "or", part: () => Filter): Filter {
    const parts = [part()];
    while (this.#lexer.takeIf(kind)) parts.push(part());
    const [first] = parts;
    return first && parts.length === 1 ? first : { kind, parts };
  }

  #unary(): Filter {
    if (!this.#lexer.takeIf("not")) return this.#primary();
    return this.#deeper(() => ({ kind: "not", part: this.#unary() }));
  }

  #primary(): Filter {
    if (this.#lexer.takeIf("(")) {
      const inside = this.#deeper(() => this.#or());
      this.#lexer.expect(")");
      // `(name) eq 'x'`: the parentheses were around a value.
      return inside.kind === "truth" ? this.#compared(inside.of) : inside;
    }
    const next = this.#lexer.next;
    if (next.kind === "literal") return this.#compared(this.#operand());
    if (next.kind !== "word") throw this.#lexer.fault("Syntax error");
    if (next.text === "contains" || next.text === "startswith" || next.text === "endswith") return this.#text(next.text);
    const condition = NAMESPACE.exec(next.text)?.[1];
    if (condition) return this.#condition(condition);
    const operand = this.#operand();
    const lambda = operand.kind === "path" ? operand.path.at(-1) : undefined;
    if (operand.kind === "path" && (lambda === "any" || lambda === "all") && this.#lexer.takeIf("(")) {
      return this.#lambda(lambda, operand.path.slice(0, -1));
    }
    return this.#compared(operand);
  }

  #compared(left: Operand): Filter {
    this.#count();
    const next = this.#lexer.next;
    if (next.kind !== "word" || !isComparison(next.text)) return { kind: "truth", of: left };
    this.#lexer.take();
    return { kind: "compare", operator: next.text, left, right: this.#operand() };
  }

  #text(how: "contains" | "startswith" | "endswith"): Filter {
    this.#count();
    this.#lexer.take();
    this.#lexer.expect("(");
    const path = this.#operand();
    this.#lexer.expect(",");
    const value = this.#operand();
    this.#lexer.expect(")");
    if (path.kind !== "path" || value.kind !== "literal" || value.literal.type !== "string") {
      throw badQuery(`The function ${how} takes a property and a string.`);
    }
    return { kind: "text", how, path: path.path, value: value.literal.value };
  }

  #lambda(kind: "any" | "all", path: PropertyPath): Filter {
    this.#count();
    if (path.length === 0) throw this.#lexer.fault("Syntax error");
    if (kind === "any" && this.#lexer.takeIf(")")) return { kind, path, part: null };
    const variable = this.#lexer.take();
    if (variable.kind !== "word") throw this.#lexer.fault("Syntax error");
    this.#lexer.expect(":");
    const outer = this.#variable;
    this.#variable = variable.text;
    const part = this.#deeper(() => this.#or());
    this.#variable = outer;
    this.#lexer.expect(")");
    return { kind, path, part };
  }

  #condition(name: string): Filter {
    this.#count();
    this.#lexer.take();
    this.#lexer.expect("(");
    let path: PropertyPath | null = null;
    const values: string[] = [];
    do {
      const parameter = this.#lexer.take();
      this.#lexer.expect("=");
      if (parameter.kind !== "word") throw this.#lexer.fault("Syntax error");
      if (parameter.text === "PropertyName") path = this.#propertyName();
      else if (parameter.text === "PropertyValue") values.push(this.#value());
      else if (parameter.text === "PropertyValues") values.push(...this.#values());
      else throw badQuery(`The function ${name} has no parameter '${parameter.text}'.`);
    } while (this.#lexer.takeIf(","));
    this.#lexer.expect(")");
    if (path === null) throw badQuery(`The function ${name} needs the parameter PropertyName.`);
    return { kind: "condition", name, path, values };
  }

  /** A name in quotes; over an alias, as the documentation shows it, also without (`@p1=modifiedon`). */
  #propertyName(): PropertyPath {
    const operand = this.#operand();
    if (operand.kind === "path") return operand.path;
    if (operand.literal.type !== "string" || operand.literal.value === "") throw badQuery("PropertyName has to be a string.");
    const path = operand.literal.value.split("/");
    if (path.length > LONGEST_PATH) throw badQuery("The path has too many parts.");
    return path;
  }

  #value(): string {
    const operand = this.#operand();
    if (operand.kind === "path") throw badQuery("PropertyValue has to be a value.");
    const { literal } = operand;
    if (literal.type === "null") throw badQuery("PropertyValue cannot be null.");
    return literal.type === "number" ? literal.text : String(literal.value);
  }

  #values(): string[] {
    const next = this.#lexer.next;
    if (next.kind === "word" && next.text.startsWith("@")) {
      this.#lexer.take();
      return valuesOf(this.#alias(next.text).trim());
    }
    if (next.kind !== "sign" || next.text !== "[") throw this.#lexer.fault("'[' expected");
    return valuesOf(this.#lexer.takeList());
  }

  #operand(): Operand {
    const token = this.#lexer.take();
    if (token.kind === "literal") return { kind: "literal", literal: token.literal };
    if (token.kind !== "word") throw this.#lexer.fault("Syntax error");
    if (token.text.startsWith("@")) return operandOf(this.#alias(token.text));
    const path = [token.text, ...this.#morePath()];
    if (this.#variable === null) return { kind: "path", path };
    if (path[0] !== this.#variable || path.length === 1) {
      throw badQuery(`Within any and all only the properties of '${this.#variable}' can be asked for.`);
    }
    return { kind: "path", path: path.slice(1) };
  }

  #morePath(): string[] {
    const names: string[] = [];
    while (this.#lexer.takeIf("/")) {
      const token = this.#lexer.take();
      if (token.kind !== "word") throw this.#lexer.fault("Syntax error");
      names.push(token.text);
      if (names.length > LONGEST_PATH) throw badQuery("The path has too many parts.");
    }
    return names;
  }

  #alias(name: string): string {
    const text = this.#aliases.get(name);
    if (text === undefined) throw badQuery(`The parameter alias '${name}' has no value.`);
    return text;
  }

  #count(): void {
    this.#conditions++;
    if (this.#conditions > MOST_CONDITIONS) {
      throw new ApiFault(400, "0x8004430c", "Number of conditions in query exceeded maximum limit.");
    }
  }

  #deeper<T>(work: () => T): T {
    this.#depth++;
    if (this.#depth > DEEPEST) throw badQuery("The expression is nested too deeply.");
    const result = work();
    this.#depth--;
    return result;
  }
}

/** What an alias stands for: a literal, or the name of a property (`$filter=contains(@p1,'x')&@p1=fullname`). */
function operandOf(text: string): Operand {
  const lexer = new FilterLexer(text);
  const token = lexer.take();
  if (token.kind === "literal" && lexer.next.kind === "end") return { kind: "literal", literal: token.literal };
  const path = text.trim().split("/");
  if (path.length > LONGEST_PATH || !path.every((name) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name))) {
    throw badQuery("A parameter alias has to be a value or the name of a property.");
  }
  return { kind: "path", path };
}

function valuesOf(list: string): string[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(list);
  } catch {
    // The documentation also writes the values in single quotes: ['2'].
    parsed = splitOutside(list.slice(1, -1), ",", MOST_VALUES).map((one) => {
      const literal = readLiteral(one.trim());
      if (literal?.type !== "string") throw badQuery("PropertyValues has to be a list of values.");
      return literal.value;
    });
  }
  const values = listOf.safeParse(parsed);
  if (values.success) return values.data.map(String);
  if (Array.isArray(parsed) && parsed.length > MOST_VALUES) {
    throw new ApiFault(400, "0x8004430e", "Number of parameters in a condition exceeded maximum limit.");
  }
  throw badQuery("PropertyValues has to be a list of values.");
}

function isComparison(text: string): text is Comparison {
  return COMPARISONS.has(text);
}
