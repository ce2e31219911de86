import type { FastifyInstance } from "fastify";
import { getContent } from "../crm/content.ts";
import type { EmbeddedCrm } from "../crm/embedded.ts";
import type { WholeEmail } from "../crm/read.ts";
import type { Database } from "../database/database.ts";
import type { Operations } from "../engine/operations/operations.ts";
import { fileName } from "../mime/file-names.ts";
import type { Outcome } from "../model/decision.ts";
import type { Advised } from "../tracking/advice.ts";
import { attachmentDisposition } from "./content-disposition.ts";
import { listDecisions, readDecision } from "./decisions.ts";
import { BODY_POLICY, bodyDocument, readPictures } from "./email-body.ts";
import { decisionPage, decisionsPage, OUTCOMES } from "./pages/decisions.ts";
import { emailPage } from "./pages/email.ts";
import { emailsPage } from "./pages/emails.ts";
import { overviewPage } from "./pages/overview.ts";
import { recordPage } from "./pages/record.ts";
import type { Sanitizer } from "./sanitizer.ts";
import { sendPage } from "./send-page.ts";

const EMAILS_PER_PAGE = 50;

export interface PageSources {
  readonly database: Database;
  readonly crm: Pick<EmbeddedCrm, "listEmails" | "readEmail" | "readRecord" | "deleted">;
  readonly operations: Pick<Operations, "status" | "explain" | "quarantineList">;
  readonly sanitizer: Sanitizer;
}

type Query = Readonly<Record<string, string | string[] | undefined>>;

/** The pages for readers. Whoever calls this guards them by a session. */
export function addPages(app: FastifyInstance, { database, crm, operations, sanitizer }: PageSources): void {
  app.get("/", async (_request, reply) => sendPage(reply, overviewPage(await operations.status(), await operations.quarantineList())));

  app.get<{ Querystring: Query }>("/emails", async ({ query }, reply) => {
    const asked = one(query.direction);
    const direction = asked === "in" || asked === "out" ? asked : null;
    const subject = (one(query.subject) ?? "").trim().slice(0, 200);
    const after = one(query.page);
    const page = await crm.listEmails({
      limit: EMAILS_PER_PAGE,
      ...(direction !== null && { outgoing: direction === "out" }),
      ...(subject !== "" && { subject }),
      ...(after !== null && { after }),
    });
    return sendPage(reply, emailsPage({ direction, subject, after }, page));
  });

  app.get<{ Params: { id: string } }>("/emails/:id", async ({ params }, reply) => {
    const email = await readEmail(params.id);
    if (!email) return reply.callNotFound();
    // A stranger may have sent a message with an email's id as its Message-ID; what is known of that one is no business of this page.
    const { incoming, outgoing } = await operations.explain(email.id);
    return sendPage(
      reply,
      emailPage(email, {
        incoming: incoming.filter((row) => row.emailId === email.id),
        outgoing: outgoing.filter((row) => row.emailId === email.id),
      }),
    );
  });

  app.get<{ Params: { id: string } }>("/emails/:id/body", async ({ params }, reply) => {
    const email = await readEmail(params.id);
    if (!email || email.html === null) return reply.callNotFound();
    const safe = await sanitizer.sanitize(email.html, await readPictures(database, email));
    return reply
      .type("text/html; charset=utf-8")
      .headers({ "content-security-policy": BODY_POLICY, "x-frame-options": "SAMEORIGIN" })
      .send(bodyDocument(safe));
  });

  app.get<{ Params: { id: string; number: string } }>("/emails/:id/attachments/:number", async ({ params }, reply) => {
    const number = wholeNumber(params.number);
    const attachment = number === null ? undefined : (await readEmail(params.id))?.attachments[number - 1];
    if (!attachment || number === null) return reply.callNotFound();
    const name = fileName(attachment.filename, attachment.mimetype, number);
    return reply
      .type("application/octet-stream")
      .headers({ "content-disposition": attachmentDisposition(name), "content-security-policy": "default-src 'none'; sandbox" })
      .send(await getContent(database, attachment.hash));
  });

  app.get<{ Params: { type: string; id: string }; Querystring: Query }>("/records/:type/:id", async ({ params, query }, reply) => {
    const record = isId(params.id) ? await crm.readRecord(params.id) : null;
    if (!record || record.type !== params.type) return reply.callNotFound();
    const after = one(query.page);
    const emails = await crm.listEmails({
      limit: EMAILS_PER_PAGE,
      ...(record.type === "queue" ? { queueId: record.id } : { recordId: record.id }),
      ...(after !== null && { after }),
    });
    return sendPage(reply, recordPage(record, emails, after === null));
  });

  app.get<{ Querystring: Query }>("/decisions", async ({ query }, reply) => {
    const outcome = outcomeOf(one(query.outcome));
    const before = wholeNumber(one(query.page));
    return sendPage(reply, decisionsPage(outcome, before, await listDecisions(database, crm, { outcome, before })));
  });

  app.get<{ Params: { id: string } }>("/decisions/:id", async ({ params }, reply) => {
    const id = wholeNumber(params.id);
    const found = id === null ? null : await readDecision(database, crm, id, adviceOn);
    return found ? sendPage(reply, decisionPage(found.decision, found.sentences)) : reply.callNotFound();
  });

  async function adviceOn(id: number): Promise<Advised | null> {
    // The number may be somebody's Message-ID too.
    const { incoming } = await operations.explain(String(id));
    return incoming.find((row) => row.decisionId === id)?.advice ?? null;
  }

  function readEmail(id: string): Promise<WholeEmail | null> {
    return isId(id) ? crm.readEmail(id) : Promise.resolve(null);
  }
}

/** A field of the query that may stand there twice: the first counts. */
function one(value: string | string[] | undefined): string | null {
  return (Array.isArray(value) ? value[0] : value) ?? null;
}

function isId(text: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}

function wholeNumber(text: string | null): number | null {
  return text !== null && /^[1-9]\d{0,14}$/.test(text) ? Number(text) : null;
}

function outcomeOf(text: string | null): Outcome | null {
  return OUTCOMES.find((outcome) => outcome === text) ?? null;
}
