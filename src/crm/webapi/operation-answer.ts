import type { ApiAnswer, ApiRequest } from "./exchange.ts";

/** What an action answers that returns nothing. */
export const NOTHING: ApiAnswer = { status: 204, headers: {} };

/** The answer of an operation that returns a complex type: `{"@odata.context": "…#Microsoft.Dynamics.CRM.WhoAmIResponse", …}`. */
export function complexAnswer({ root }: ApiRequest, name: string, values: Readonly<Record<string, unknown>>): ApiAnswer {
  return { status: 200, headers: {}, body: { "@odata.context": `${root}$metadata#Microsoft.Dynamics.CRM.${name}`, ...values } };
}

/** The answer of an operation that returns a row: of what the SDK answers with the id alone, nothing but the key. */
export function rowAnswer({ root }: ApiRequest, set: string, values: Readonly<Record<string, unknown>>): ApiAnswer {
  return { status: 200, headers: {}, body: { "@odata.context": `${root}$metadata#${set}/$entity`, ...values } };
}

/** The answer of an operation that returns rows: of one set, or of several (`crmbaseentity`, each then with its `@odata.type`). */
export function rowsAnswer({ root }: ApiRequest, set: string, rows: readonly unknown[]): ApiAnswer {
  const what = set === "crmbaseentity" ? "Collection(mscrm.crmbaseentity)" : set;
  return { status: 200, headers: {}, body: { "@odata.context": `${root}$metadata#${what}`, value: rows } };
}
