import { escapeXml } from "./escape-xml.ts";
import type { MetadataSource } from "./metadata.ts";
import type { Collection, Column, ColumnType, Table, Target } from "./table.ts";

const EDM_TYPES: Readonly<Record<ColumnType, string>> = {
  String: 'Edm.String" Unicode="false',
  Memo: 'Edm.String" Unicode="false',
  Guid: "Edm.Guid",
  Int32: "Edm.Int32",
  Int64: "Edm.Int64",
  Decimal: 'Edm.Decimal" Scale="Variable',
  Double: "Edm.Double",
  Boolean: "Edm.Boolean",
  DateTimeOffset: "Edm.DateTimeOffset",
  Date: "Edm.Date",
  Choice: "Edm.Int32",
  State: "Edm.Int32",
  Status: "Edm.Int32",
  Lookup: "Edm.Guid",
  Binary: "Edm.Binary",
};

/** The entity types of the tables, with those that they inherit from. */
export function entityTypes({ tables, annotations }: MetadataSource): string[] {
  const world: World = { tables: new Map(tables.map((one) => [one.name, one])), annotations };
  return [
    '<EntityType Name="crmbaseentity" Abstract="true"/>',
    ...principal(tables),
    ...tables.flatMap((table) => entityType(world, table)),
  ];
}

interface World {
  readonly tables: ReadonlyMap<string, Table>;
  readonly annotations: boolean;
}

/** What can own rows: users and teams. Its collections are those of everything that has an owner. */
function principal(tables: readonly Table[]): string[] {
  const owned = tables.filter(({ base }) => base === "principal");
  if (owned.length === 0) return [];
  const collections = new Map(
    owned.flatMap(({ collections }) => collections.filter(({ column }) => column === "ownerid").map((one) => [one.navigation, one])),
  );
  return [
    '<EntityType Name="principal" BaseType="mscrm.crmbaseentity" Abstract="true">',
    ...keyElement("ownerid"),
    '<Property Name="ownerid" Type="Edm.Guid"/>',
    ...[...collections.values()].map((one) => collectionElement(one, "ownerid")),
    "</EntityType>",
  ];
}

function entityType(world: World, table: Table): string[] {
  const base = table.base === null ? undefined : world.tables.get(table.base);
  const inherits = new Set(table.base === "principal" ? ["ownerid"] : base?.columns.map(({ name }) => name));
  const navigations = new Set(base?.columns.flatMap(({ targets = [] }) => targets.map(({ navigation }) => navigation)));
  const baseType = table.base === "principal" || base ? table.base : "crmbaseentity";
  const isBase = [...world.tables.values()].some(({ base: one }) => one === table.name);
  return [
    `<EntityType Name="${escapeXml(table.name)}" BaseType="mscrm.${escapeXml(baseType ?? "crmbaseentity")}"${isBase ? ' Abstract="true"' : ""}>`,
    ...keyElement(table.base === "principal" ? "ownerid" : table.key),
    ...table.columns.filter(({ name }) => !inherits.has(name)).map((one) => propertyElement(one, world.annotations)),
    ...table.columns.flatMap((column) => navigationElements(world, column, inherits, navigations)),
    ...table.collections
      .filter(({ column }) => table.base !== "principal" || column !== "ownerid")
      .map((one) => collectionElement(one, navigationBack(world, table, one))),
    ...alternateKeys(table),
    "</EntityType>",
  ];
}

function keyElement(name: string): string[] {
  return ["<Key>", `<PropertyRef Name="${escapeXml(name)}"/>`, "</Key>"];
}

/** The name under which the Web API knows a column: lookups are `_name_value`. */
function propertyName({ name, type }: Pick<Column, "name" | "type">): string {
  return type === "Lookup" ? `_${name}_value` : name;
}

function propertyElement(column: Column, annotations: boolean): string {
  const start = `<Property Name="${escapeXml(propertyName(column))}" Type="${EDM_TYPES[column.type]}"`;
  const told = annotations ? propertyAnnotations(column) : "";
  return told === "" ? `${start}/>` : `${start}>${told}</Property>`;
}

/** Which way a property goes, as Dynamics annotates it: nothing where it is both read and written. A lookup is written by its navigation property. */
function propertyAnnotations({ type, create, update, readable }: Column): string {
  const permission = (one: string) =>
    `<Annotation Term="Org.OData.Core.V1.Permissions"><EnumMember>Org.OData.Core.V1.PermissionType/${one}</EnumMember></Annotation>`;
  const computed = type === "Lookup" ? '<Annotation Term="Org.OData.Core.V1.Computed" Bool="true"/>' : "";
  if (readable === false) return permission("Write");
  return type === "Lookup" || !(create || update) ? `${computed}${permission("Read")}` : "";
}

function navigationElements(world: World, column: Column, inherits: ReadonlySet<string>, navigations: ReadonlySet<string>): string[] {
  const targets = (column.targets ?? []).filter(({ table, navigation }) => world.tables.has(table) && !navigations.has(navigation));
  const byName = new Map(targets.map((one) => [one.navigation, one]));
  return [...byName.values()].map((target) => {
    const several = targets.filter(({ navigation }) => navigation === target.navigation).length > 1;
    return navigationElement(world, column, target, { several: several || column.name === "ownerid", own: !inherits.has(column.name) });
  });
}

function navigationElement(
  world: World,
  column: Column,
  target: Target,
  { several, own }: { readonly several: boolean; readonly own: boolean },
): string {
  const type = several ? "principal" : target.table;
  const referenced = several ? "ownerid" : world.tables.get(target.table)?.key;
  const partner = target.partner === undefined ? "" : ` Partner="${escapeXml(target.partner)}"`;
  const start = `<NavigationProperty Name="${escapeXml(target.navigation)}" Type="mscrm.${escapeXml(type)}" Nullable="false"${partner}`;
  if (!own || referenced === undefined) return `${start}/>`;
  const constraint = `<ReferentialConstraint Property="_${escapeXml(column.name)}_value" ReferencedProperty="${escapeXml(referenced)}"/>`;
  return `${start}>${constraint}</NavigationProperty>`;
}

function collectionElement({ navigation, table }: Collection, partner: string | undefined): string {
  const back = partner === undefined ? "" : ` Partner="${escapeXml(partner)}"`;
  return `<NavigationProperty Name="${escapeXml(navigation)}" Type="Collection(mscrm.${escapeXml(table)})"${back}/>`;
}

function navigationBack(world: World, to: Table, { table, column, navigation }: Collection): string | undefined {
  const lookup = world.tables.get(table)?.columns.find(({ name }) => name === column);
  return lookup?.targets?.find((one) => one.table === to.name && one.partner === navigation)?.navigation;
}

/** OData.Community.Keys.V1: what besides the primary key names one row. */
function alternateKeys({ alternateKeys: keys, columns }: Table): string[] {
  if (keys.length === 0) return [];
  const records = keys.map((names) => {
    const parts = names.map((name) => {
      const path = escapeXml(propertyName(columns.find((one) => one.name === name) ?? { name, type: "String" }));
      return `<Record Type="OData.Community.Keys.V1.PropertyRef"><PropertyValue Property="Alias" String="${path}"/><PropertyValue Property="Name" PropertyPath="${path}"/></Record>`;
    });
    return `<Record Type="OData.Community.Keys.V1.AlternateKey"><PropertyValue Property="Key"><Collection>${parts.join("")}</Collection></PropertyValue></Record>`;
  });
  return [`<Annotation Term="OData.Community.Keys.V1.AlternateKeys"><Collection>${records.join("")}</Collection></Annotation>`];
}
