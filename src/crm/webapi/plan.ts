import { collectionOf, columnOfProperty, navigationOf, propertyName, readableColumns } from "./names.ts";
import { tableNamed } from "./query-context.ts";
import { badQuery, noSuchProperty } from "./query-fault.ts";
import type { Expand, Selection } from "./query-options.ts";
import type { Collection, Column, Table, Target } from "./table.ts";
import type { Tables } from "./table-index.ts";

/** What is read of the rows of one table, names looked up. */
export interface Plan {
  readonly table: Table;
  /** What is shown, in the table's order; the key is always among it. */
  readonly columns: readonly Column[];
  /** Names for `@odata.context`; null: all. */
  readonly named: readonly string[] | null;
  readonly expands: readonly ExpandPlan[];
}

export type ExpandPlan = OneExpand | ManyExpand;

/** A lookup's row. Of a navigation to several tables: a plan for each. */
export interface OneExpand {
  readonly kind: "one";
  readonly expand: Expand;
  readonly column: Column;
  readonly targets: readonly { readonly target: Target; readonly plan: Plan }[];
}

/** The rows of a collection. */
export interface ManyExpand {
  readonly kind: "many";
  readonly expand: Expand;
  readonly collection: Collection;
  /** The lookup that refers back. */
  readonly back: Column;
  readonly plan: Plan;
}

/** Looks up all names of a selection. Throws ApiFault 400 for those that the table does not have. */
export function planOf(table: Table, selection: Pick<Selection, "select" | "expand">, tables: Tables): Plan {
  const chosen = selection.select?.map((name) => chosenColumn(table, name)) ?? null;
  const readable = readableColumns(table);
  const expands = selection.expand.map((expand) => expandOf(table, expand, tables));
  // With the address of the row that a lookup refers to comes the lookup.
  const referring = expands.flatMap((one) => (one.kind === "one" && one.expand.references ? [one.column] : []));
  const shown = [...(chosen ?? []), ...referring];
  const columns = chosen === null ? readable : readable.filter((one) => one.name === table.key || shown.includes(one));
  return {
    table,
    columns,
    named: chosen === null ? null : chosen.map(propertyName),
    expands,
  };
}

/** A lookup can be chosen by its property or by its navigation. */
function chosenColumn(table: Table, name: string): Column {
  return navigationOf(table, name)?.column ?? columnOfProperty(table, name);
}

function expandOf(table: Table, expand: Expand, tables: Tables): ExpandPlan {
  const collection = collectionOf(table, expand.navigation);
  if (expand.count) throw badQuery("The query parameter $count is not supported in $expand.");
  if (collection) {
    const child = tableNamed(tables, collection.table);
    const back = child.columns.find((one) => one.name === collection.column);
    if (!back) throw new Error(`${child.name} has no column ${collection.column}`);
    return { kind: "many", expand, collection, back, plan: planOf(child, chosenOf(expand), tables) };
  }
  const navigation = navigationOf(table, expand.navigation);
  if (!navigation) throw noSuchProperty(expand.navigation, table.name);
  if (expand.filter || expand.orderBy.length > 0 || expand.top !== null) {
    throw badQuery(`The navigation '${expand.navigation}' leads to one row: it can neither be filtered nor put in order.`);
  }
  const targets = navigation.targets.flatMap((target) => {
    const referred = tables.named(target.table);
    return referred ? [{ target, table: referred }] : [];
  });
  return {
    kind: "one",
    expand,
    column: navigation.column,
    targets: targets.map((one) => ({
      target: one.target,
      plan: planOf(one.table, ofSeveral(chosenOf(expand), one.table, targets.length), tables),
    })),
  };
}

/** References show no column; their rows' keys are all that is read. */
function chosenOf(expand: Expand): Pick<Selection, "select" | "expand"> {
  return expand.references ? { select: [], expand: [] } : expand;
}

/** Where a name leads to several tables, each shows what it has of the columns asked for. */
function ofSeveral<S extends Pick<Selection, "select" | "expand">>(selection: S, table: Table, count: number): S {
  if (count === 1 || selection.select === null) return selection;
  return { ...selection, select: selection.select.filter((name) => table.columns.some((one) => propertyName(one) === name)) };
}
