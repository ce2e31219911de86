/** Reads a `$metadata` document (CSDL XML, OData 4.0) as it comes, and keeps only what the connector needs of it. */
import { SaxesParser, type SaxesTagPlain } from "saxes";
import type { Entity, Metadata, Navigation, Operation, Parameter, Property } from "./metadata.ts";

/** Nothing of a real document comes near these. */
const LIMIT = { depth: 20, name: 1000, entities: 20_000, members: 1_000_000, baseTypes: 10 } as const;

/** The document is none, or has no end. */
export class NoMetadata extends Error {
  override readonly name = "NoMetadata";
}

interface DraftEntity {
  readonly name: string;
  readonly base: string | null;
  key: string[];
  readonly alternateKeys: string[][];
  readonly properties: Map<string, Property>;
  readonly navigation: Map<string, Navigation>;
}

interface DraftOperation {
  readonly name: string;
  readonly kind: "function" | "action";
  readonly isBound: boolean;
  readonly parameters: Parameter[];
  returns: string | null;
}

/** Feed it with pieces of text; `end` gives what was read. Memory is in line with what is kept, not with the document. */
export class MetadataReader {
  readonly #parser = new SaxesParser<{ xmlns: false; position: false }>({ xmlns: false, position: false });
  readonly #path: string[] = [];
  readonly #entities = new Map<string, DraftEntity>();
  readonly #complexTypes = new Map<string, Map<string, string>>();
  readonly #operations: DraftOperation[] = [];
  readonly #sets = new Map<string, string>();
  readonly #changeTracking = new Map<string, boolean>();
  readonly #names = new Map<string, string>();
  #members = 0;
  #isCsdl = false;
  #entity: DraftEntity | null = null;
  #complex: Map<string, string> | null = null;
  #operation: DraftOperation | null = null;
  #set: string | null = null;
  #property: { name: string; property: Property } | null = null;
  #navigation: Navigation | null = null;
  /** Terms of the annotations that are open, outermost first. */
  readonly #terms: string[] = [];

  constructor() {
    this.#parser.on("error", (error) => {
      throw new NoMetadata(error.message);
    });
    // No entity of its own: nothing expands (saxes knows none but the five of XML).
    this.#parser.on("doctype", () => {
      throw new NoMetadata("a document type is not read");
    });
    this.#parser.on("opentag", (tag) => this.#open(tag));
    this.#parser.on("closetag", (tag) => this.#close(tag));
    this.#parser.on("text", (text) => this.#text(text));
  }

  /** @throws {@link NoMetadata} */
  write(text: string): void {
    this.#parser.write(text);
  }

  /** @throws {@link NoMetadata} */
  end(): Metadata {
    this.#parser.close();
    if (!this.#isCsdl) throw new NoMetadata("it is no CSDL document");
    const setOf = new Map([...this.#sets].map(([set, entity]) => [entity, set]));
    const entities = new Map([...this.#entities].map(([name, draft]) => [name, this.#whole(draft, setOf)]));
    const operations = this.#operations.map(operationOf);
    return { entities, sets: this.#sets, complexTypes: this.#complexTypes, operations: Map.groupBy(operations, ({ name }) => name) };
  }

  /** With what it inherits; its own comes first. */
  #whole(draft: DraftEntity, setOf: ReadonlyMap<string, string>): Entity {
    const line = [draft];
    for (
      let base = this.#baseOf(draft);
      base !== undefined && line.length < LIMIT.baseTypes && !line.includes(base);
      base = this.#baseOf(base)
    )
      line.push(base);
    const set = setOf.get(draft.name) ?? null;
    const merged = <T>(pick: (one: DraftEntity) => Map<string, T>) => new Map(line.toReversed().flatMap((one) => [...pick(one)]));
    return {
      name: draft.name,
      set,
      key: line.find(({ key }) => key.length > 0)?.key ?? [],
      alternateKeys: line.flatMap(({ alternateKeys }) => alternateKeys),
      properties: merged(({ properties }) => properties),
      navigation: merged(({ navigation }) => navigation),
      changeTracking: (set === null ? null : this.#changeTracking.get(set)) ?? null,
    };
  }

  #baseOf({ base }: DraftEntity): DraftEntity | undefined {
    return base === null ? undefined : this.#entities.get(base);
  }

  #open({ name: qualified, attributes }: SaxesTagPlain): void {
    const name = qualified.slice(qualified.indexOf(":") + 1);
    this.#path.push(name);
    if (this.#path.length > LIMIT.depth) throw new NoMetadata("it is nested too deep");
    if (name === "Annotation") this.#terms.push(attributes.Term ?? "");
    this.#begin(name, attributes);
  }

  #begin(name: string, attributes: Readonly<Record<string, string>>): void {
    switch (name) {
      case "Schema":
        this.#isCsdl = true;
        return;
      case "EntityType":
        this.#entity = {
          name: this.#named(attributes.Name),
          base: attributes.BaseType === undefined ? null : this.#type(attributes.BaseType),
          key: [],
          alternateKeys: [],
          properties: new Map(),
          navigation: new Map(),
        };
        this.#entities.set(this.#entity.name, this.#entity);
        if (this.#entities.size > LIMIT.entities) throw new NoMetadata("it has too many types");
        return;
      case "ComplexType":
        this.#complex = new Map();
        this.#complexTypes.set(this.#named(attributes.Name), this.#complex);
        return;
      case "PropertyRef":
        this.#entity?.key.push(this.#named(attributes.Name));
        return;
      case "Property":
        this.#beginProperty(attributes);
        return;
      case "NavigationProperty":
        this.#beginNavigation(attributes);
        return;
      case "ReferentialConstraint":
        if (this.#navigation !== null) this.#navigation = { ...this.#navigation, property: this.#named(attributes.Property) };
        return;
      case "Function":
      case "Action":
        this.#operation = {
          name: this.#named(attributes.Name),
          kind: name === "Function" ? "function" : "action",
          isBound: attributes.IsBound === "true",
          parameters: [],
          returns: null,
        };
        this.#operations.push(this.#operation);
        return;
      case "Parameter":
        this.#operation?.parameters.push({
          name: this.#named(attributes.Name),
          type: this.#type(attributes.Type ?? ""),
          nullable: attributes.Nullable !== "false",
        });
        return;
      case "ReturnType":
        if (this.#operation !== null) this.#operation.returns = this.#type(attributes.Type ?? "");
        return;
      case "EntitySet":
        this.#set = this.#named(attributes.Name);
        this.#sets.set(this.#set, this.#type(attributes.EntityType ?? ""));
        return;
      case "Annotation":
        if (attributes.Term === "Org.OData.Core.V1.Computed" && attributes.Bool !== "false") this.#isReadOnly();
        return;
      case "PropertyValue":
        this.#value(attributes);
    }
  }

  #beginProperty(attributes: Readonly<Record<string, string>>): void {
    const name = this.#named(attributes.Name);
    const type = this.#type(attributes.Type ?? "");
    this.#complex?.set(name, type);
    if (this.#entity !== null) this.#property = { name, property: { type, nullable: attributes.Nullable !== "false", readOnly: false } };
  }

  #beginNavigation(attributes: Readonly<Record<string, string>>): void {
    const type = this.#type(attributes.Type ?? "");
    const collection = /^Collection\((.*)\)$/.exec(type)?.[1];
    this.#navigation = {
      name: this.#named(attributes.Name),
      target: collection ?? type,
      collection: collection !== undefined,
      property: null,
    };
  }

  #value({ Property: property, Bool: bool, PropertyPath: path }: Readonly<Record<string, string>>): void {
    const term = this.#terms.at(-1);
    if (property === "Supported" && term === "Org.OData.Capabilities.V1.ChangeTracking" && this.#set !== null)
      this.#changeTracking.set(this.#set, bool === "true");
    if (term !== "OData.Community.Keys.V1.AlternateKeys" || this.#entity === null) return;
    if (property === "Key") this.#entity.alternateKeys.push([]);
    if (property === "Name" && path !== undefined) this.#entity.alternateKeys.at(-1)?.push(this.#named(path));
  }

  #text(text: string): void {
    if (
      this.#path.at(-1) === "EnumMember" &&
      this.#terms.at(-1) === "Org.OData.Core.V1.Permissions" &&
      /PermissionType\/Read\s*$/.test(text)
    )
      this.#isReadOnly();
  }

  #isReadOnly(): void {
    if (this.#property !== null) this.#property = { ...this.#property, property: { ...this.#property.property, readOnly: true } };
  }

  #close({ name: qualified }: SaxesTagPlain): void {
    const name = qualified.slice(qualified.indexOf(":") + 1);
    this.#path.pop();
    if (name === "Annotation") this.#terms.pop();
    else if (name === "Property" && this.#property !== null) {
      this.#entity?.properties.set(this.#property.name, this.#property.property);
      this.#property = null;
    } else if (name === "NavigationProperty" && this.#navigation !== null) {
      this.#entity?.navigation.set(this.#navigation.name, this.#navigation);
      this.#navigation = null;
    } else if (name === "EntityType") this.#entity = null;
    else if (name === "ComplexType") this.#complex = null;
    else if (name === "Function" || name === "Action") this.#operation = null;
    else if (name === "EntitySet") this.#set = null;
  }

  /** A name, once in memory however often it stands in the document. */
  #named(given = ""): string {
    if (given.length > LIMIT.name || ++this.#members > LIMIT.members) throw new NoMetadata("it has too many names, or too long ones");
    const known = this.#names.get(given);
    if (known !== undefined) return known;
    // A copy of its own: a piece of a string keeps the whole one in memory.
    const own = Buffer.from(given, "utf8").toString("utf8");
    this.#names.set(own, own);
    return own;
  }

  /** The name of a type without namespace or alias, except of the types of OData itself. */
  #type(given: string): string {
    const [, collection, name = given] = /^(Collection\()?([^()]*)\)?$/.exec(given) ?? [];
    const bare = name.startsWith("Edm.") ? name : name.slice(name.lastIndexOf(".") + 1);
    return this.#named(collection === undefined ? bare : `Collection(${bare})`);
  }
}

function operationOf({ name, kind, isBound, parameters, returns }: DraftOperation): Operation {
  const [first, ...rest] = parameters;
  if (!isBound || first === undefined) return { name, kind, bound: null, parameters, returns };
  const entity = /^Collection\((.*)\)$/.exec(first.type)?.[1];
  return { name, kind, bound: { entity: entity ?? first.type, collection: entity !== undefined }, parameters: rest, returns };
}
