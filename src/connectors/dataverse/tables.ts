import { Failure } from "../../model/failure.ts";
import { type Entity, type Metadata, navigationName } from "./client/metadata.ts";

/** Base type of those who own rows. */
const PRINCIPAL = "principal";
const OWNERS: ReadonlySet<string> = new Set(["systemuser", "team"]);

/** What the organization has of the tables, columns and messages that the connector knows, by its `$metadata` (wire 7): versions differ. */
export class Tables {
  readonly #metadata: Metadata;

  constructor(metadata: Metadata) {
    this.#metadata = metadata;
  }

  /** Whether there is such a table, or such a column of it. */
  has(table: string, column?: string): boolean {
    const entity = this.#metadata.entities.get(table);
    if (entity === undefined) return false;
    return column === undefined ? entity.set !== null : propertyOf(entity, column) !== null;
  }

  /** The entity set of a table. @throws Failure where there is none */
  set(table: string): string {
    return this.#entity(table).set ?? fail(`The organization has no table ${table}.`);
  }

  /** The primary key column of a table. */
  key(table: string): string {
    return this.#entity(table).key[0] ?? fail(`The table ${table} of the organization has no key.`);
  }

  /** `$select` of those of these columns that there are; lookups by the property that holds their value. */
  select(table: string, columns: readonly string[]): string {
    const entity = this.#entity(table);
    return columns.flatMap((column) => propertyOf(entity, column) ?? []).join(",");
  }

  /**
   * The name by which a lookup is bound to a row of `target`; null where the organization knows no such lookup. One that takes rows of several tables under its
   * own name (`ownerid`, whose target is what users and teams have in common) is bound by that.
   */
  navigation(table: string, attribute: string, target: string): string | null {
    const entity = this.#entity(table);
    const own = entity.navigation.get(attribute);
    return navigationName(entity, attribute, target) ?? (own?.target === PRINCIPAL && OWNERS.has(target) ? own.name : null);
  }

  /** Path of a row, for `@odata.bind`. */
  reference(table: string, id: string): string {
    return `/${this.set(table)}(${id})`;
  }

  /** Whether there is a function or action of that name. */
  can(operation: string): boolean {
    return this.#metadata.operations.has(operation);
  }

  #entity(table: string): Entity {
    return this.#metadata.entities.get(table) ?? fail(`The organization has no table ${table}.`);
  }
}

function propertyOf(entity: Entity, column: string): string | null {
  if (entity.properties.has(column)) return column;
  const lookup = `_${column}_value`;
  return entity.properties.has(lookup) ? lookup : null;
}

function fail(message: string): never {
  throw new Failure({
    scope: "organization",
    code: "table missing",
    message,
    remedy: "Check that the address leads to a Dynamics 365 organization with sales or customer service, of version 8.2 or later.",
    waitingHelps: false,
  });
}
