import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Configuration } from "../config.ts";
import type { Answering } from "../crm/webapi/answering.ts";
import type { Authority } from "../crm/webapi/authority.ts";
import { openWebApi } from "../crm/webapi/open.ts";
import type { Database } from "../database/database.ts";
import type { Log } from "../engine/log.ts";
import { Failure } from "../model/failure.ts";
import { exchange } from "../wire/oauth/exchange.ts";
import { type LoadKeys, SigningKeys } from "../wire/oauth/signing-keys.ts";
import { trustIn } from "../wire/trust.ts";

type EmbeddedOrganization = Extract<Configuration["organizations"][number], { kind: "embedded" }>;
type WebApiConfiguration = EmbeddedOrganization["webApi"];

/** The Web API of the embedded CRM as configured: what the web server serves. */
export interface ConfiguredWebApi {
  readonly answering: Answering;
  readonly authority: Authority | null;
  readonly limits: NonNullable<WebApiConfiguration["serviceProtection"]> | null;
}

/** Null: there is no embedded organization, or its Web API is switched off. */
export function configuredWebApi(configuration: Configuration, database: Database, log: Log, now: () => Date): ConfiguredWebApi | null {
  const organization = configuration.organizations.find((one) => one.kind === "embedded");
  if (!organization?.webApi.enabled) return null;
  const { authority, serviceProtection } = organization.webApi;
  return {
    answering: openWebApi(database, { now, report: (error) => log.error({ error }, "a request to the Web API failed") }),
    authority: authority ? authorityOf(authority) : null,
    limits: serviceProtection ?? null,
  };
}

function authorityOf({ issuer, audience, authorizationUri, ...keys }: NonNullable<WebApiConfiguration["authority"]>): Authority {
  return { issuer, audiences: [audience], keys: new SigningKeys(loaderOf(keys)), authorizationUri: authorizationUri ?? null };
}

function loaderOf({
  keysUrl,
  keysFile,
  certificateAuthorities,
}: Pick<NonNullable<WebApiConfiguration["authority"]>, "keysUrl" | "keysFile" | "certificateAuthorities">): LoadKeys {
  if (keysUrl === undefined) return () => readFile(keysFile ?? "", "utf8");
  const trust = trustIn(certificateAuthorities === undefined ? null : readFileSync(certificateAuthorities, "utf8"));
  if (trust === null) throw noCertificates(certificateAuthorities ?? "");
  return async () => {
    const request = { method: "GET", headers: { accept: "application/json" }, body: "", signal: undefined };
    return await (await exchange(new URL(keysUrl), request, trust)).text();
  };
}

function noCertificates(file: string): Failure {
  return new Failure({
    scope: "process",
    code: "certificates unusable",
    message: `The file ${file} holds no certificates, or something else besides.`,
    remedy: "Put the authorities' certificates there in PEM, one after the other, and nothing else.",
    waitingHelps: false,
  });
}
