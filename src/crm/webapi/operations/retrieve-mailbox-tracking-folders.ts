import { fault } from "../error-codes.ts";
import { requireRow, tableOf } from "../given-row.ts";
import { isGuid } from "../literal.ts";
import type { Operation } from "../operation.ts";
import { complexAnswer } from "../operation-answer.ts";
import { textOf } from "../operation-parameters.ts";

/** `maxfolderbasedtrackingmappings` is 25 at most (product-behaviour 4.13). */
const MOST_FOLDERS = 100;

/** Type codes of the tables that a folder can be about (product-behaviour 10.1). */
const TYPE_CODES: Readonly<Record<string, number>> = { account: 1, contact: 2, lead: 4 };

interface FolderRow {
  readonly ExchangeFolderId: string | null;
  readonly ExchangeFolderName: string | null;
  readonly RegardingObjectId: string | null;
  readonly RegardingObjectName: string | null;
  readonly type: string | null;
  readonly IsFolderOnboarded: boolean;
}

/** The folders of a mailbox whose mail is tracked, and the records that it is about (product-behaviour 4.13). */
export const retrieveMailboxTrackingFolders: Operation = {
  name: "RetrieveMailboxTrackingFolders",
  kind: "function",
  binding: null,
  parameters: [{ name: "MailboxId", type: "Edm.String", required: true }],
  returns: {
    kind: "complex",
    name: "RetrieveMailboxTrackingFoldersResponse",
    properties: [{ name: "MailboxTrackingFolderMappings", type: "Collection(mscrm.MailboxTrackingFolderMapping)" }],
  },
  types: [
    {
      kind: "complex",
      name: "MailboxTrackingFolderMapping",
      properties: [
        { name: "ExchangeFolderId", type: "Edm.String" },
        { name: "ExchangeFolderName", type: "Edm.String" },
        { name: "RegardingObjectId", type: "Edm.Guid" },
        { name: "RegardingObjectName", type: "Edm.String" },
        { name: "RegardingObjectTypeCode", type: "Edm.Int32" },
        { name: "IsFolderOnboarded", type: "Edm.Boolean" },
      ],
    },
  ],
  async run(turn, call) {
    const given = (textOf(call, "MailboxId") ?? "").replace(/^\{|\}$/g, "");
    if (!isGuid(given)) throw fault("InvalidArgument", "MailboxId is no GUID.");
    const id = await requireRow(turn, tableOf(turn, "mailbox"), { kind: "id", id: given.toLowerCase() }, "Read");
    const { rows } = await turn.sql.query<FolderRow>(
      `select exchangefolderid as "ExchangeFolderId", exchangefoldername as "ExchangeFolderName", regardingobjectid as "RegardingObjectId",
         one.name as "RegardingObjectName", folder.regardingobjecttypecode as type, coalesce(folderonboardingstatus, 0) = 1 as "IsFolderOnboarded"
       from crm.mailboxtrackingfolder folder left join crm.addressee one on one.id = folder.regardingobjectid and one.type = folder.regardingobjecttypecode
       where folder.mailboxid = $1 order by exchangefoldername, mailboxtrackingfolderid limit $2`,
      [id, MOST_FOLDERS],
    );
    const mappings = rows.map(({ type, IsFolderOnboarded, ...row }) => ({
      ...row,
      RegardingObjectTypeCode: type === null ? null : (TYPE_CODES[type] ?? null),
      IsFolderOnboarded,
    }));
    return complexAnswer(call.request, "RetrieveMailboxTrackingFoldersResponse", { MailboxTrackingFolderMappings: mappings });
  },
};
