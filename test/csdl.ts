import { SaxesParser } from "saxes";

/** An entity type of a CSDL document, as far as tests compare it. */
export interface CsdlEntity {
  readonly name: string;
  readonly base: string | null;
  readonly abstract: boolean;
  key: string | null;
  /** Types without `Edm.`, by name. */
  readonly properties: Map<string, { readonly type: string; permission: string | null }>;
  readonly navigations: Map<string, { readonly type: string; readonly partner: string | null; constraint: string | null }>;
}

export interface CsdlOperation {
  readonly name: string;
  readonly kind: "Action" | "Function";
  readonly bound: boolean;
  readonly parameters: { readonly name: string; readonly type: string; readonly nullable: boolean }[];
  returns: string | null;
}

export interface Csdl {
  readonly entities: Map<string, CsdlEntity>;
  readonly complexTypes: Map<string, Map<string, string>>;
  readonly operations: CsdlOperation[];
  /** Entity types by set, and the targets of its bindings by path. */
  readonly sets: Map<string, { readonly type: string; readonly bindings: Map<string, string>; tracksChanges: boolean | null }>;
  readonly imports: Map<string, string>;
  readonly terms: Set<string>;
}

/** Reads a CSDL document; throws where it is no well-formed XML. */
export function readCsdl(xml: string): Csdl {
  const csdl: Csdl = {
    entities: new Map(),
    complexTypes: new Map(),
    operations: [],
    sets: new Map(),
    imports: new Map(),
    terms: new Set(),
  };
  const parser = new SaxesParser();
  const at: {
    entity?: CsdlEntity | undefined;
    complex?: Map<string, string> | undefined;
    property?: { permission: string | null } | undefined;
    navigation?: { constraint: string | null } | undefined;
    operation?: CsdlOperation | undefined;
    set?: { readonly bindings: Map<string, string>; tracksChanges: boolean | null } | undefined;
    term: string;
  } = { term: "" };
  parser.on("opentag", ({ name: element, attributes }) => {
    const given = (name: string) => String(attributes[name] ?? "");
    const type = given("Type").replace("Edm.", "");
    switch (element) {
      case "EntityType":
        at.entity = {
          name: given("Name"),
          base: given("BaseType").replace("mscrm.", "") || null,
          abstract: given("Abstract") === "true",
          key: null,
          properties: new Map(),
          navigations: new Map(),
        };
        csdl.entities.set(given("Name"), at.entity);
        break;
      case "ComplexType":
        at.complex = new Map();
        csdl.complexTypes.set(given("Name"), at.complex);
        break;
      case "PropertyRef":
        if (at.entity) at.entity.key = given("Name");
        break;
      case "Property": {
        const property = { type, permission: null };
        at.property = property;
        at.entity?.properties.set(given("Name"), property);
        at.complex?.set(given("Name"), type);
        break;
      }
      case "NavigationProperty": {
        const navigation = { type: given("Type"), partner: given("Partner") || null, constraint: null };
        at.navigation = navigation;
        at.entity?.navigations.set(given("Name"), navigation);
        break;
      }
      case "ReferentialConstraint":
        if (at.navigation) at.navigation.constraint = given("Property");
        break;
      case "Action":
      case "Function":
        at.operation = { name: given("Name"), kind: element, bound: given("IsBound") === "true", parameters: [], returns: null };
        csdl.operations.push(at.operation);
        break;
      case "Parameter":
        at.operation?.parameters.push({ name: given("Name"), type, nullable: given("Nullable") !== "false" });
        break;
      case "ReturnType":
        if (at.operation) at.operation.returns = type;
        break;
      case "EntitySet": {
        const set = {
          type: given("EntityType").replace("Microsoft.Dynamics.CRM.", ""),
          bindings: new Map<string, string>(),
          tracksChanges: null,
        };
        at.set = set;
        csdl.sets.set(given("Name"), set);
        break;
      }
      case "NavigationPropertyBinding":
        at.set?.bindings.set(given("Path"), given("Target"));
        break;
      case "ActionImport":
      case "FunctionImport":
        csdl.imports.set(given("Name"), element);
        break;
      case "Annotation":
        at.term = given("Term");
        csdl.terms.add(at.term);
        break;
      case "PropertyValue":
        if (at.set && at.term.endsWith(".ChangeTracking")) at.set.tracksChanges = given("Bool") === "true";
        break;
    }
  });
  parser.on("text", (text) => {
    const permission = /PermissionType\/(\w+)/.exec(text);
    if (permission && at.property) at.property.permission = permission[1] ?? null;
  });
  parser.on("closetag", ({ name: element }) => {
    if (element === "EntityType") at.entity = undefined;
    if (element === "ComplexType") at.complex = undefined;
    if (element === "Property") at.property = undefined;
    if (element === "NavigationProperty") at.navigation = undefined;
    if (element === "Action" || element === "Function") at.operation = undefined;
    if (element === "EntitySet") at.set = undefined;
  });
  parser.on("error", (error) => {
    throw error;
  });
  parser.write(xml.replace(/^\uFEFF/, "")).close();
  return csdl;
}

/** An entity type with what it inherits. */
export function withInherited({ entities }: Pick<Csdl, "entities">, name: string): Pick<CsdlEntity, "properties" | "navigations"> | null {
  const entity = entities.get(name);
  if (!entity) return null;
  const inherited = entity.base === null ? null : withInherited({ entities }, entity.base);
  return {
    properties: new Map([...(inherited?.properties ?? []), ...entity.properties]),
    navigations: new Map([...(inherited?.navigations ?? []), ...entity.navigations]),
  };
}
