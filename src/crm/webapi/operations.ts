import type { Operation } from "./operation.ts";
import { addToQueue } from "./operations/add-to-queue.ts";
import { backgroundSendEmail } from "./operations/background-send-email.ts";
import { checkIncomingEmail } from "./operations/check-incoming-email.ts";
import { checkPromoteEmail } from "./operations/check-promote-email.ts";
import { commitAttachmentBlocksUpload } from "./operations/commit-attachment-blocks-upload.ts";
import { deliverImmediatePromoteEmail } from "./operations/deliver-immediate-promote-email.ts";
import { deliverIncomingEmail } from "./operations/deliver-incoming-email.ts";
import { deliverPromoteEmail } from "./operations/deliver-promote-email.ts";
import { getTrackingTokenEmail } from "./operations/get-tracking-token-email.ts";
import { initializeAttachmentBlocksUpload } from "./operations/initialize-attachment-blocks-upload.ts";
import { instantiateTemplate } from "./operations/instantiate-template.ts";
import { pickFromQueue } from "./operations/pick-from-queue.ts";
import { processInboundEmail } from "./operations/process-inbound-email.ts";
import { releaseToQueue } from "./operations/release-to-queue.ts";
import { removeFromQueue } from "./operations/remove-from-queue.ts";
import { retrieveMailboxTrackingFolders } from "./operations/retrieve-mailbox-tracking-folders.ts";
import { retrievePrincipalAccess } from "./operations/retrieve-principal-access.ts";
import { retrieveUserQueues } from "./operations/retrieve-user-queues.ts";
import { retrieveVersion } from "./operations/retrieve-version.ts";
import { routeTo } from "./operations/route-to.ts";
import { sendEmail } from "./operations/send-email.ts";
import { sendEmailFromTemplate } from "./operations/send-email-from-template.ts";
import { sendTemplate } from "./operations/send-template.ts";
import { uploadBlock } from "./operations/upload-block.ts";
import { whoAmI } from "./operations/who-am-i.ts";

/** All functions and actions that the Web API knows. Some names occur once for each table that they are bound to. */
export const OPERATIONS: readonly Operation[] = [
  addToQueue,
  backgroundSendEmail,
  checkIncomingEmail,
  checkPromoteEmail,
  commitAttachmentBlocksUpload,
  deliverImmediatePromoteEmail,
  deliverIncomingEmail,
  deliverPromoteEmail,
  getTrackingTokenEmail,
  initializeAttachmentBlocksUpload,
  pickFromQueue,
  releaseToQueue,
  removeFromQueue,
  processInboundEmail,
  retrieveMailboxTrackingFolders,
  retrievePrincipalAccess,
  retrieveUserQueues,
  retrieveVersion,
  routeTo,
  sendEmail,
  uploadBlock,
  instantiateTemplate,
  sendEmailFromTemplate,
  sendTemplate,
  whoAmI,
];

/** What an operation is called on: nothing, or the rows or a row of a table. */
export type CalledOn = { readonly table: string; readonly to: "row" | "set" } | null;

/** The operation of that name; where several have it, the one bound to that table, else the first. */
export function operationNamed(name: string, on: CalledOn = null): Operation | undefined {
  const named = OPERATIONS.filter((one) => one.name === name);
  return named.find(({ binding }) => binding?.table === on?.table) ?? named[0];
}
