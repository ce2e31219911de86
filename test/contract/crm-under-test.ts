import type { Status } from "../../src/model/email.ts";
import type { Attachment } from "../../src/model/message.ts";
import type { RecordRef } from "../../src/model/record.ts";
import type { FilterMethod, OrganizationSettings } from "../../src/model/settings.ts";
import type { Crm } from "../../src/ports.ts";

/**
 * What a CRM may be without, as it says itself: another one's tables have no place for it, or it sees to it by itself. Where something is lacking, the suite asks
 * that it is refused with a reason, not that it is done.
 */
export type Lack =
  /** Addresses beside the columns of a record. */
  | "beside the columns"
  /** Changing the parties of an email that is done. */
  | "resolving parties"
  /** Telling whether who pressed Send holds the privilege: it refuses the press itself. */
  | "privilege to send as others"
  /** Changing the status of an email that is completed, as Pending Send is: it stays there whatever becomes of it, and the claim is the ledger's. */
  | "status of a completed email"
  /** Hashes of emails, by which smart matching finds them. */
  | "hashes";

/** A CRM organization with the means to put something into it and to look at it, as its own people would. */
export interface CrmUnderTest extends AsyncDisposable {
  readonly crm: Crm;
  readonly lacks?: ReadonlySet<Lack>;
  user(entry: {
    address: string;
    otherAddresses?: string[];
    aliases?: string[];
    filter?: FilterMethod;
    letsOthersSend?: boolean;
    maySendAsOthers?: boolean;
  }): Promise<string>;
  queue(entry: { address: string; aliases?: string[]; filter?: FilterMethod; owner?: string }): Promise<string>;
  contact(entry: { addresses: string[]; ownerId?: string; doNotEmail?: boolean }): Promise<RecordRef>;
  /** Replaces all settings. */
  settings(settings: Partial<OrganizationSettings>): Promise<void>;
  draft(draft: {
    from: string;
    to?: string[];
    bcc?: string[];
    subject?: string;
    parentEmailId?: string;
    attachments?: Attachment[];
    delayedSendTime?: Date;
  }): Promise<string>;
  /** `by` null: in the sender's own name. An email that stands in Pending Send is taken out and sent anew. */
  send(id: string, by: string | null): Promise<void>;
  /** Null when there is no such email. */
  read(id: string): Promise<SeenEmail | null>;
}

export interface SeenEmail {
  readonly status: Status;
  readonly subject: string;
  readonly html: string | null;
  readonly messageId: string | null;
  readonly regarding: RecordRef | null;
  readonly correlatedEmailId: string | null;
  readonly parentEmailId: string | null;
  readonly parties: readonly { readonly participation: number; readonly address: string; readonly record: RecordRef | null }[];
  readonly attachments: readonly { readonly filename: string; readonly hash: string }[];
  readonly queueIds: readonly string[];
}
