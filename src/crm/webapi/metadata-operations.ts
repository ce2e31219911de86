import { escapeXml } from "./escape-xml.ts";
import type { Operation, OperationParameter, OperationResult, OperationType } from "./operation.ts";

/** Entity types that only messages use: what a message's attachment is given as. Dynamics has a table of it, which nobody asks. */
const MESSAGE_ENTITIES: Readonly<Record<string, readonly Pick<OperationParameter, "name" | "type">[]>> = {
  attachment: [
    { name: "attachmentid", type: "Edm.Guid" },
    { name: "body", type: "Edm.String" },
    { name: "filename", type: "Edm.String" },
    { name: "filesize", type: "Edm.Int32" },
    { name: "mimetype", type: "Edm.String" },
    { name: "subject", type: "Edm.String" },
  ],
};

/** Functions and actions with the types that only they use. `tables`: names of the entity types that are there. */
export function operationTypes(operations: readonly Operation[], tables: ReadonlySet<string>): string[] {
  const types = new Map<string, OperationType>();
  for (const { returns, types: more = [] } of operations) {
    for (const one of more) types.set(one.name, one);
    if (returns?.kind === "complex") types.set(returns.name, returns);
  }
  const known = new Set([...tables, ...types.keys(), "crmbaseentity", "principal"]);
  const entities = new Set(operations.flatMap(typesNamed).filter((name) => !known.has(name)));
  return [
    ...[...entities].flatMap(messageEntity),
    ...[...types.values()].flatMap((one) =>
      one.kind === "enum" ? enumType(one.name, one.members) : complexType(one.name, one.properties),
    ),
    ...operations.flatMap(operationElement),
  ];
}

/** Unbound operations are imported into the container; bound ones are reached by what they are bound to. */
export function operationImports(operations: readonly Operation[]): string[] {
  const unbound = operations.filter(({ binding }) => binding === null);
  return unbound.map(({ name, kind }) => {
    const [element, attribute] = kind === "action" ? ["ActionImport", "Action"] : ["FunctionImport", "Function"];
    return `<${element} Name="${escapeXml(name)}" ${attribute}="Microsoft.Dynamics.CRM.${escapeXml(name)}"/>`;
  });
}

function operationElement({ name, kind, binding, parameters, returns }: Operation): string[] {
  const element = kind === "action" ? "Action" : "Function";
  return [
    `<${element} Name="${escapeXml(name)}"${binding ? ' IsBound="true"' : ""}>`,
    ...(binding?.to === "row" ? [parameterElement({ name: "entity", type: `mscrm.${binding.table}`, required: true })] : []),
    ...(binding?.to === "set" ? [parameterElement({ name: "entityset", type: `Collection(mscrm.${binding.table})`, required: true })] : []),
    ...parameters.map(parameterElement),
    ...(returns ? [`<ReturnType Type="${escapeXml(resultType(returns))}" Nullable="false"${unicode(resultType(returns))}/>`] : []),
    `</${element}>`,
  ];
}

function parameterElement({ name, type, required }: OperationParameter): string {
  return `<Parameter Name="${escapeXml(name)}" Type="${escapeXml(type)}"${required ? ' Nullable="false"' : ""}${unicode(type)}/>`;
}

function resultType(returns: OperationResult): string {
  return returns.kind === "entity" ? returns.type : `mscrm.${returns.name}`;
}

function unicode(type: string): string {
  return type.includes("Edm.String") ? ' Unicode="false"' : "";
}

function complexType(name: string, properties: readonly Pick<OperationParameter, "name" | "type">[]): string[] {
  return [`<ComplexType Name="${escapeXml(name)}">`, ...properties.map(propertyElement), "</ComplexType>"];
}

function propertyElement({ name, type }: Pick<OperationParameter, "name" | "type">): string {
  return `<Property Name="${escapeXml(name)}" Type="${escapeXml(type)}"${unicode(type)}/>`;
}

function enumType(name: string, members: Readonly<Record<string, number>>): string[] {
  return [
    `<EnumType Name="${escapeXml(name)}">`,
    ...Object.entries(members).map(([member, value]) => `<Member Name="${escapeXml(member)}" Value="${value}"/>`),
    "</EnumType>",
  ];
}

function messageEntity(name: string): string[] {
  const properties = MESSAGE_ENTITIES[name] ?? [];
  return [
    `<EntityType Name="${escapeXml(name)}" BaseType="mscrm.crmbaseentity">`,
    ...(properties[0] ? [`<Key><PropertyRef Name="${escapeXml(properties[0].name)}"/></Key>`] : []),
    ...properties.map(propertyElement),
    "</EntityType>",
  ];
}

/** Names of the mscrm types in an operation's parameters, result and types. */
function typesNamed({ binding, parameters, returns, types = [] }: Operation): string[] {
  const properties = [...types, ...(returns?.kind === "complex" ? [returns] : [])].flatMap((one) =>
    "properties" in one ? one.properties : [],
  );
  const named = [...parameters, ...properties].map(({ type }) => type);
  const all = [...named, ...(returns?.kind === "entity" ? [returns.type] : []), ...(binding ? [`mscrm.${binding.table}`] : [])];
  return all.flatMap((type) => /^(?:Collection\()?mscrm\.(\w+)\)?$/.exec(type)?.[1] ?? []);
}
