import assert from "node:assert/strict";
import { type Config, DynamicsWebApi, type RequestError } from "dynamics-web-api";
import type { TestDatabase } from "../databases.ts";
import { type ServedOptions, type ServedOrganization, serveOrganization } from "../webapi/served-organization.ts";

/** The Web API over HTTP with the independent client on it. */
export interface ClientRig extends AsyncDisposable {
  readonly organization: ServedOrganization;
  readonly client: DynamicsWebApi;
  /** One more client with a configuration of its own. */
  clientWith(config: Config): DynamicsWebApi;
}

/** Errors come as errors, also those of preconditions, which the client would turn into `false` or `null` unless told. */
export async function clientRig(database: TestDatabase, options: ServedOptions = {}): Promise<ClientRig> {
  const organization = await serveOrganization(database, options);
  const clientWith = (config: Config) =>
    new DynamicsWebApi({
      serverUrl: organization.url,
      dataApi: { version: "9.2" },
      onTokenRefresh: () => tokenOf(organization),
      propagateErrors: true,
      ...config,
    });
  return {
    organization,
    client: clientWith({}),
    clientWith,
    async [Symbol.asyncDispose]() {
      assert.deepEqual(organization.faults, [], "no request may bring the server into a state of its own fault");
      await organization[Symbol.asyncDispose]();
    },
  };
}

/** What a client of that organization signs in with. */
export async function tokenOf({ credentials }: ServedOrganization): Promise<string> {
  const secret = await credentials.current();
  assert.ok(secret.kind === "token");
  return secret.token;
}

/** The status and code of the refusal that this comes to. */
export async function refusalOf(work: Promise<unknown>): Promise<{ status: number | undefined; code: string | undefined }> {
  const error = await work.then(
    () => assert.fail("was not refused"),
    (reason: unknown) => reason,
  );
  assert.ok(isRequestError(error), String(error));
  return { status: error.status, code: error.code };
}

function isRequestError(error: unknown): error is RequestError {
  return error instanceof Error && "status" in error;
}
