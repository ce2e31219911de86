import { escapeXml } from "./escape-xml.ts";
import { operationImports, operationTypes } from "./metadata-operations.ts";
import { entityTypes } from "./metadata-types.ts";
import type { Operation } from "./operation.ts";
import type { Table } from "./table.ts";

/** What a metadata document is about. */
export interface MetadataSource {
  readonly tables: readonly Table[];
  /** Those that this organization has. */
  readonly operations: readonly Operation[];
  /** With what may be written, which tables tell changes, and the like: `$metadata?annotations=true`. */
  readonly annotations: boolean;
}

/**
 * The CSDL 4.0 document of these tables and operations, as Dynamics writes it (schemas/dataverse): namespace Microsoft.Dynamics.CRM, alias mscrm, container
 * System; activities inherit from activitypointer, users and teams from principal, all from crmbaseentity. Lookups are `_name_value` with a
 * single-valued navigation property for each table that they may refer to. What refers to tables that are not there is left out.
 */
export function metadataDocument(source: MetadataSource): string {
  const { tables, operations, annotations } = source;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">',
    ...reference("OData.Community.Keys.V1", "Keys"),
    ...reference("OData.Community.Display.V1", "Display"),
    "<edmx:DataServices>",
    '<Schema Namespace="Microsoft.Dynamics.CRM" Alias="mscrm" xmlns="http://docs.oasis-open.org/odata/ns/edm">',
    ...entityTypes(source),
    ...operationTypes(operations, new Set(tables.map(({ name }) => name))),
    '<EntityContainer Name="System">',
    ...entitySets(tables, annotations),
    ...operationImports(operations),
    ...(annotations ? CONTAINER_ANNOTATIONS : []),
    "</EntityContainer>",
    "</Schema>",
    "</edmx:DataServices>",
    "</edmx:Edmx>",
    "",
  ].join("\n");
}

function reference(namespace: string, alias: string): string[] {
  return [
    `<edmx:Reference Uri="http://vocabularies.odata.org/${namespace}.xml">`,
    `<edmx:Include Namespace="${namespace}" Alias="${alias}"/>`,
    `<edmx:IncludeAnnotations TermNamespace="${namespace}"/>`,
    "</edmx:Reference>",
  ];
}

function entitySets(tables: readonly Table[], annotations: boolean): string[] {
  const sets = new Map(tables.map(({ name, set }) => [name, set]));
  const byName = new Map(tables.map((one) => [one.name, one]));
  return tables.flatMap((table) => {
    const inherited = byName.get(table.base ?? "");
    const bindings = new Map<string, string>();
    for (const { columns, collections } of inherited ? [inherited, table] : [table]) {
      for (const { targets = [] } of columns) {
        for (const target of targets) {
          const set = target.navigation === "ownerid" ? undefined : sets.get(target.table);
          if (set !== undefined) bindings.set(target.navigation, set);
        }
      }
      for (const collection of collections) {
        const set = sets.get(collection.table);
        if (set !== undefined) bindings.set(collection.navigation, set);
      }
    }
    return [
      `<EntitySet Name="${escapeXml(table.set)}" EntityType="Microsoft.Dynamics.CRM.${escapeXml(table.name)}">`,
      ...[...bindings].map(([path, set]) => `<NavigationPropertyBinding Path="${escapeXml(path)}" Target="${escapeXml(set)}"/>`),
      ...(annotations ? setAnnotations(table) : []),
      "</EntitySet>",
    ];
  });
}

/** What can be asked of a set (Org.OData.Capabilities.V1). */
function setAnnotations({ tracksChanges }: Table): string[] {
  const capability = (term: string, property: string, value: boolean) =>
    `<Annotation Term="Org.OData.Capabilities.V1.${term}"><Record><PropertyValue Property="${property}" Bool="${value}"/></Record></Annotation>`;
  return [
    '<Annotation Term="Org.OData.Capabilities.V1.IndexableByKey" Bool="true"/>',
    '<Annotation Term="Org.OData.Capabilities.V1.SkipSupported" Bool="false"/>',
    capability("SearchRestrictions", "Searchable", false),
    capability("CountRestrictions", "Countable", true),
    capability("ChangeTracking", "Supported", tracksChanges),
  ];
}

const CONTAINER_ANNOTATIONS: readonly string[] = [
  '<Annotation Term="Org.OData.Capabilities.V1.FilterFunctions"><Collection>',
  "<String>contains</String><String>endswith</String><String>startswith</String>",
  "</Collection></Annotation>",
  '<Annotation Term="Org.OData.Core.V1.DereferenceableIDs" Bool="true"/>',
  '<Annotation Term="Org.OData.Core.V1.ConventionalIDs" Bool="true"/>',
  '<Annotation Term="Org.OData.Capabilities.V1.BatchSupported" Bool="true"/>',
  '<Annotation Term="Org.OData.Capabilities.V1.AsynchronousRequestsSupported" Bool="false"/>',
  '<Annotation Term="Org.OData.Capabilities.V1.CrossJoinSupported" Bool="false"/>',
];
