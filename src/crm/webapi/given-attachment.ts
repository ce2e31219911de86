import { z } from "zod";
import { storable } from "../../mime/storable.ts";
import { readSettings } from "../settings.ts";
import { fault } from "./error-codes.ts";
import { type GivenRow, givenRow } from "./given-row.ts";
import type { Turn } from "./service.ts";

const ATTACHMENT = z.looseObject({
  activitymimeattachmentid: z.guid().nullish(),
  filename: z.string().max(255).nullish(),
  mimetype: z.string().max(256).nullish(),
  subject: z.string().max(2_000).nullish(),
  attachmentcontentid: z.string().max(250).nullish(),
});
const BOUND = ["objectid_activitypointer", "objectid_email", "objectid_appointment", "objectid_template", "objectid"] as const;

/** An attachment as a message's Target tells it. */
export interface GivenAttachment {
  readonly id: string | null;
  readonly filename: string | null;
  readonly mimetype: string | null;
  readonly subject: string | null;
  readonly contentId: string | null;
  /** What it is attached to; null: nothing is named. */
  readonly object: GivenRow | null;
}

/** Reads the parameter Target of the messages that upload attachments. Throws ApiFault 400. */
export function givenAttachment(turn: Turn, given: Readonly<Record<string, unknown>> | null): GivenAttachment {
  const read = ATTACHMENT.safeParse(given ?? {});
  if (!read.success) throw fault("InvalidArgument", `The attachment cannot be read: ${read.error.issues[0]?.path.join(".")}.`);
  const { activitymimeattachmentid, filename, mimetype, subject, attachmentcontentid } = read.data;
  const bound = BOUND.map((name) => read.data[`${name}@odata.bind`]).find((one) => one !== undefined);
  return {
    id: activitymimeattachmentid?.toLowerCase() ?? null,
    filename: filename?.trim() || null,
    mimetype: mimetype?.trim() || null,
    subject: subject ?? null,
    contentId: attachmentcontentid ?? null,
    object: bound === undefined ? null : givenRow(turn, { "@odata.id": bound }),
  };
}

/** Throws ApiFault 0x80043e09 for a file that the organization does not take, by the ending of its name or by its size. */
export async function requireAllowed({ sql }: Turn, filename: string | null, body: Buffer = Buffer.alloc(0)): Promise<void> {
  const { settings } = await readSettings(sql);
  const attachment = { filename: filename ?? "", mimetype: "", contentId: null, inline: false, body };
  const limits = { ...settings, maximumBodyLength: 0 };
  const { dropped } = storable({ html: null, text: null, attachments: [attachment], remarks: [] }, limits);
  if (dropped.length > 0) throw fault("AttachmentBlocked");
}
