import type { Literal } from "./literal.ts";

/** Names from a table to a column over navigation: `["parentcustomerid_account", "name"]`. */
export type PropertyPath = readonly string[];

export type Comparison = "eq" | "ne" | "gt" | "ge" | "lt" | "le";

export type Operand = { readonly kind: "path"; readonly path: PropertyPath } | { readonly kind: "literal"; readonly literal: Literal };

/** What `$filter` asks, as a tree. Names are not yet looked up. Within a lambda, paths start at its rows. */
export type Filter =
  /** Two parts or more. */
  | { readonly kind: "and" | "or"; readonly parts: readonly Filter[] }
  | { readonly kind: "not"; readonly part: Filter }
  | { readonly kind: "compare"; readonly operator: Comparison; readonly left: Operand; readonly right: Operand }
  | { readonly kind: "text"; readonly how: "contains" | "startswith" | "endswith"; readonly path: PropertyPath; readonly value: string }
  /** A Boolean by itself: `isdisabled`, `true`. */
  | { readonly kind: "truth"; readonly of: Operand }
  /** `email_activity_parties/any(p:…)`; null: `any()`, which asks whether there are rows at all. */
  | { readonly kind: "any" | "all"; readonly path: PropertyPath; readonly part: Filter | null }
  /** A query function of Dynamics: `Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon',PropertyValue=3)`. */
  | { readonly kind: "condition"; readonly name: string; readonly path: PropertyPath; readonly values: readonly string[] };
