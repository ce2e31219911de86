import { z } from "zod";
import { MAXIMUM_BODY_LENGTH, type Storable, storable } from "../../../mime/storable.ts";
import type { Attachment } from "../../../model/message.ts";
import type { OrganizationSettings } from "../../../model/settings.ts";
import { ApiFault } from "../exchange.ts";
import type { OperationCall } from "../operation.ts";
import { membersOf, textOf } from "../operation-parameters.ts";

/** Attachments of one message; those of the parts that are read of one are fewer. */
const MOST_ATTACHMENTS = 1_000;
const UNNAMED_TYPE = "application/octet-stream";

/** Columns of `attachment` and `activitymimeattachment` that a caller may fill in (wire 8.2). */
const ATTACHMENT = z.strictObject({
  "@odata.type": z.string().optional(),
  filename: z.string().max(255).nullish(),
  mimetype: z.string().max(256).nullish(),
  body: z.string().nullish(),
  subject: z.string().max(2_000).nullish(),
  attachmentcontentid: z.string().max(250).nullish(),
  attachmentnumber: z.number().int().nullish(),
  filesize: z.number().int().nullish(),
});

/**
 * Body and attachments of a call of Deliver, as far as the CRM stores them: what has a blocked extension or is too large is left out, a body too long is
 * cut, and `notifications` tells so (product-behaviour 4.15). Throws ApiFault 400 for attachments that cannot be read.
 */
export function givenContent(call: OperationCall, settings: OrganizationSettings): Storable {
  const body = textOf(call, "Body") ?? "";
  const given = membersOf(call, "Attachments");
  if (given.length > MOST_ATTACHMENTS) throw unreadable("There are too many attachments.");
  const content = { html: body === "" ? null : body, text: null, attachments: given.map(attachmentOf), remarks: [] };
  return storable(content, { ...settings, maximumBodyLength: MAXIMUM_BODY_LENGTH });
}

function attachmentOf(given: unknown, index: number): Attachment {
  const read = ATTACHMENT.safeParse(given);
  if (!read.success) throw unreadable(read.error.issues[0]?.message ?? "An attachment cannot be read.");
  const { filename, mimetype, body, attachmentcontentid } = read.data;
  const contentId = (attachmentcontentid ?? "").replace(/^<|>$/g, "") || null;
  return {
    filename: (filename ?? "").trim() || `attachment-${index + 1}`,
    mimetype: (mimetype ?? "").trim() || UNNAMED_TYPE,
    contentId,
    inline: contentId !== null,
    body: bytesOf(body ?? ""),
  };
}

/** The bytes of a base64 text. Throws ApiFault 400 for what is none. */
export function bytesOf(base64: string): Buffer {
  if (!/^[A-Za-z0-9+/\r\n]*={0,2}[\r\n]*$/.test(base64)) throw unreadable("The body of an attachment is not base64.");
  return Buffer.from(base64, "base64");
}

function unreadable(message: string): ApiFault {
  return new ApiFault(400, "0x80048d19", `Error identified in Payload provided by the user for Entity :'attachment', ${message}`);
}
