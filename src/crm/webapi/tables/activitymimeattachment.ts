import { key, LONGEST, lookup, memo, readable, text, version, whole, writable } from "../columns.ts";
import type { TableDefinition } from "../table.ts";

/** Attachments of activities and templates; the bytes lie in crm.content. */
export const ACTIVITYMIMEATTACHMENT: TableDefinition = {
  name: "activitymimeattachment",
  set: "activitymimeattachments",
  key: "activitymimeattachmentid",
  title: "filename",
  from: "crm.activitymimeattachment",
  base: null,
  columns: [
    key("activitymimeattachmentid"),
    version(),
    ...writable([
      text("attachmentcontentid", 250),
      whole("attachmentnumber", 0, 1_000_000_000),
      memo("body", LONGEST, {
        read: "(select translate(encode(content.body, 'base64'), e'\\n', '') from crm.content where content.hash = row.hash)",
        size: "row.filesize / 3 * 4",
        stored: "hash",
        storedAs: "base64",
        required: true,
        filter: false,
      }),
      text("filename", 255),
      text("mimetype", 256),
      lookup(
        "objectid",
        {
          activitypointer: ["objectid_activitypointer", "activity_pointer_activity_mime_attachment"],
          appointment: ["objectid_appointment", "appointment_activity_mime_attachment"],
          email: ["objectid_email", "email_activity_mime_attachment"],
          template: ["objectid_template", "template_activity_mime_attachments"],
        },
        { readTarget: "row.objecttypecode", storedTarget: "objecttypecode", required: true },
      ),
      text("objecttypecode"),
      text("subject", 2_000),
    ]),
    ...readable([whole("filesize", 0, 1_000_000_000)]),
  ],
  alternateKeys: [],
  allows: ["create", "update", "delete"],
  tracksChanges: true,
  versioned: true,
  ownership: "organization",
  privilege: "Activity",
};
