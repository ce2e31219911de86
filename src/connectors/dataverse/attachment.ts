import { Failure } from "../../model/failure.ts";
import { answered } from "./client/client.ts";
import type { Organization } from "./organization.ts";
import { rowOf, textOf } from "./row.ts";

/** Base64 of the largest file that Dynamics holds, 128 MB, with what JSON puts around it. */
const LARGEST_ANSWER = 180_000_000;

/** The body of an attachment by its key, which is the id of its row. @throws Failure of scope item when there is none */
export async function readAttachment(organization: Organization, key: string): Promise<Buffer> {
  const tables = await organization.tables();
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(key)) throw missing(key);
  const answer = await organization.client.send({
    method: "GET",
    path: `${tables.set("activitymimeattachment")}(${key})`,
    query: { $select: "body" },
    largestAnswer: LARGEST_ANSWER,
  });
  if (answer.kind === "refused" && answer.status === 404) throw missing(key);
  const body = textOf(rowOf(answered(answer).body), "body");
  if (body === null) throw missing(key);
  return Buffer.from(body, "base64");
}

function missing(key: string): Failure {
  return new Failure({
    scope: "item",
    code: "content missing",
    message: `The attachment ${key} is not in Dynamics any more.`,
    remedy: "Attach the file to the email again.",
    waitingHelps: false,
  });
}
