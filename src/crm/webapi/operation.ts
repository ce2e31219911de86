import type { Behaviour } from "./behaviour.ts";
import type { ApiAnswer, ApiRequest } from "./exchange.ts";
import type { RowKey } from "./resource.ts";
import type { Turn } from "./service.ts";

/** A function or action of the Web API: what `$metadata` says of it, and what it does. */
export interface Operation {
  readonly name: string;
  readonly kind: "function" | "action";
  /** The table that it is bound to, to one row of it or to the whole set; null: unbound. */
  readonly binding: { readonly table: string; readonly to: "row" | "set" } | null;
  readonly parameters: readonly OperationParameter[];
  /** Null: nothing is returned. */
  readonly returns: OperationResult | null;
  /** Types that parameters or result use and that belong to no table, besides the result's own. */
  readonly types?: readonly OperationType[];
  /** False: this organization does not have it; neither `$metadata` nor calls know it. Default: it does. */
  available?(behaviour: Behaviour): boolean;
  run(turn: Turn, call: OperationCall): Promise<ApiAnswer>;
  /** Of a function: runs several calls, reading once what they need, and answers each as `run` would. Throws where one of them is to be refused. */
  runAll?(turn: Turn, calls: readonly OperationCall[]): Promise<readonly ApiAnswer[]>;
}

export interface OperationParameter {
  readonly name: string;
  /** As in CSDL: `Edm.String`, `mscrm.email`, `Collection(mscrm.activitymimeattachment)`. */
  readonly type: string;
  /** `Nullable="false"`. */
  readonly required: boolean;
  /** Other tables whose rows may stand there too, whatever `$metadata` says. */
  readonly alsoTypes?: readonly string[];
}

/** Either an entity or collection of entities (`mscrm.email`), or a complex type of its own name with its properties. */
export type OperationResult =
  | { readonly kind: "entity"; readonly type: string }
  | { readonly kind: "complex"; readonly name: string; readonly properties: readonly Pick<OperationParameter, "name" | "type">[] };

export type OperationType =
  | { readonly kind: "complex"; readonly name: string; readonly properties: readonly Pick<OperationParameter, "name" | "type">[] }
  | { readonly kind: "enum"; readonly name: string; readonly members: Readonly<Record<string, number>> };

export interface OperationCall {
  /** The row or set that it is bound to; null where it is unbound or bound to a set. */
  readonly key: RowKey | null;
  /** By name: JSON values, checked against the types of the parameters; what was left out is missing. */
  readonly parameters: ReadonlyMap<string, unknown>;
  readonly request: ApiRequest;
}
