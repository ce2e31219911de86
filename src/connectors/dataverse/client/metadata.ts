/** What the connector needs of an organization's `$metadata` (CSDL, OData 4.0): names and types, never a table of ours. */

export interface Metadata {
  /** Entity types by name, which is the table's logical name. */
  readonly entities: ReadonlyMap<string, Entity>;
  /** Entity sets with the name of their entity type. */
  readonly sets: ReadonlyMap<string, string>;
  /** Functions and actions by name without namespace; a name may have several. */
  readonly operations: ReadonlyMap<string, readonly Operation[]>;
  /** Complex types by name with the types of their properties. */
  readonly complexTypes: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** An entity type with what it inherits. */
export interface Entity {
  readonly name: string;
  /** Null where the type has none, e.g. of parts of others. */
  readonly set: string | null;
  readonly key: readonly string[];
  readonly alternateKeys: readonly (readonly string[])[];
  readonly properties: ReadonlyMap<string, Property>;
  readonly navigation: ReadonlyMap<string, Navigation>;
  /** Whether its changes can be asked for; null where the document does not say (annotations left out). */
  readonly changeTracking: boolean | null;
}

export interface Property {
  /** Without namespace alias, e.g. `Edm.String`, `Collection(Edm.Int32)`. */
  readonly type: string;
  readonly nullable: boolean;
  /** The document says that it is only read (Permissions or Computed); what it does not say may be refused all the same. */
  readonly readOnly: boolean;
}

export interface Navigation {
  readonly name: string;
  /** Name of the entity type at the other end. */
  readonly target: string;
  readonly collection: boolean;
  /** The lookup property that holds its value, e.g. `_templateid_value`; null where the document does not say, as of lookups with several targets. */
  readonly property: string | null;
}

export interface Operation {
  readonly name: string;
  readonly kind: "function" | "action";
  /** The entity type it is bound to, and whether to a row or to the whole set; null: bound to nothing. */
  readonly bound: { readonly entity: string; readonly collection: boolean } | null;
  /** Without the binding parameter. */
  readonly parameters: readonly Parameter[];
  readonly returns: string | null;
}

export interface Parameter {
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
}

/**
 * The name by which a lookup is bound to a row of `target` (`name@odata.bind`): names are irregular and case-sensitive, so they are read, never made
 * (wire 7). Null where the organization knows no such lookup.
 * @param attribute logical name of the lookup, e.g. `regardingobjectid`
 */
export function navigationName(entity: Entity, attribute: string, target: string): string | null {
  const single = [...entity.navigation.values()].filter((one) => !one.collection && one.target === target);
  const named = (name: string) => single.find((one) => one.name.toLowerCase() === name.toLowerCase());
  // The table's own name comes first: beside it stands the one that it inherits, with a constraint, and of that no row of this table is bound.
  const found =
    named(`${attribute}_${target}_${entity.name}`) ??
    single.find(({ property }) => property === `_${attribute}_value`) ??
    // Lookups with several targets have no constraint.
    named(`${attribute}_${target}`) ??
    named(attribute);
  return found?.name ?? null;
}
