/** The client of the Dataverse Web API before a server that is scripted: for its own tests. */
import type { Answer, DataverseClient } from "../../src/connectors/dataverse/client/client.ts";
import { ON_PREMISES, type ServiceLimits } from "../../src/connectors/dataverse/client/limits.ts";
import { openClient } from "../../src/connectors/dataverse/client/open-client.ts";
import { Failure } from "../../src/model/failure.ts";
import type { Secret } from "../../src/model/mailbox.ts";
import type { Credentials } from "../../src/ports.ts";
import { type HeardRequest, type ScriptedWeb, startScriptedWeb, type WebAct } from "./scripted-web.ts";

export interface RigOptions {
  readonly limits?: ServiceLimits;
  readonly credentials?: Credentials;
  readonly answerTime?: number;
}

export interface DataverseRig {
  readonly web: ScriptedWeb;
  readonly client: DataverseClient;
}

/** Both are closed when the test ends. */
export async function dataverseRig(
  context: { after(work: () => Promise<void>): void },
  script: (request: HeardRequest) => WebAct | Promise<WebAct>,
  options: RigOptions = {},
): Promise<DataverseRig> {
  const web = await startScriptedWeb(script);
  const client = openClient({
    address: `${web.origin}/api/data/v9.2/`,
    signIn: { kind: "token", credentials: options.credentials ?? tokens("good") },
    limits: options.limits ?? ON_PREMISES,
    certificateAuthorities: null,
    answerTime: options.answerTime,
  });
  context.after(async () => {
    await client.close();
    await web[Symbol.asyncDispose]();
  });
  return { web, client };
}

/** Hands out one token after the other, at each refresh the next; the last one for ever. */
export function tokens(...all: readonly string[]): Credentials & { readonly refreshes: () => number } {
  let at = 0;
  const secret = (): Secret => ({ kind: "token", username: "", token: all[Math.min(at, all.length - 1)] ?? "" });
  return {
    refreshes: () => at,
    current: async () => secret(),
    async refresh() {
      at++;
      return secret();
    },
  };
}

/** An error as Dynamics says it. */
export function dynamicsError(status: number, code: string, message = "No.", headers: Readonly<Record<string, string>> = {}): WebAct {
  return { status, headers, body: { error: { code, message } } };
}

/** The failure that a call ended with; undefined where it ended well. */
export async function failureOf(call: Promise<unknown>): Promise<Failure | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

/** What an answer is, in a word and its status. */
export function told(answer: Answer): string {
  return "status" in answer ? `${answer.kind} ${answer.status}` : answer.kind;
}
