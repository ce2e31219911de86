import { ApiFault } from "./exchange.ts";

interface ErrorCode {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/**
 * The refusals of Dynamics that its Web API is answered with here: names, codes and messages as Microsoft's table of v9.0 has them, the HTTP status as wire 7 and
 * the documentation's examples have it.
 */
const CODES = {
  ActiveQueueItemAlreadyExists: {
    status: 400,
    code: "0x80040526",
    message: "An active queue item already exists for the given object. Cannot create more than one active queue item for this object.",
  },
  AttachmentBlocked: {
    status: 400,
    code: "0x80043e09",
    message: "The attachment is either not a valid type or is too large. It cannot be uploaded or downloaded.",
  },
  CannotAcceptEmail: {
    status: 400,
    code: "0x8005e20b",
    message: "The email that you are trying to deliver cannot be accepted by Dynamics 365 for Customer Engagement apps. Reason Code: {0}.",
  },
  CannotDeleteDueToAssociation: {
    status: 400,
    code: "0x80040227",
    message: "The object you tried to delete is associated with another object and cannot be deleted.",
  },
  CannotRouteInactiveQueueItem: { status: 400, code: "0x80040527", message: "You can't route a queue item that has been deactivated." },
  CannotUpdateBecauseItIsReadOnly: { status: 400, code: "0x8004022e", message: "The object cannot be updated because it is read-only." },
  CannotUpdateDeactivatedQueueItem: {
    status: 400,
    code: "0x8004051d",
    message: "This item is deactivated. To work with this item, reactivate it and then try again.",
  },
  ConcurrencyVersionMismatch: {
    status: 412,
    code: "0x80060882",
    message: "The version of the existing record doesn't match the RowVersion property provided.",
  },
  CouldNotFindQueueItemInQueue: {
    status: 400,
    code: "0x80040524",
    message:
      "Could not find any queue item associated with the Target in the specified SourceQueueId. Either the SourceQueueId or Target is invalid or the queue item does not exist.",
  },
  DecimalValueOutOfRange: {
    status: 400,
    code: "0x80044330",
    message: "A validation error occurred. A decimal value provided is outside of the allowed values for this attribute.",
  },
  DuplicateRecord: { status: 412, code: "0x80040237", message: "Operation failed due to a SQL integrity violation." },
  DuplicateRecordEntityKey: {
    status: 412,
    code: "0x80060892",
    message:
      "Entity Key {0} violated. A record with the same value for {1} already exists. A duplicate record cannot be created. Select one or more unique values and try again.",
  },
  EmailAlreadyExistsInDestinationQueue: {
    status: 400,
    code: "0x80040523",
    message:
      "You cannot add this e-mail to the selected queue. A queue item for this e-mail already exists in the queue. You can delete the item from the queue, and then try again.",
  },
  EmailRecipientNotSpecified: {
    status: 400,
    code: "0x80040b04",
    message: "The e-mail must have at least one recipient before it can be sent",
  },
  IntegerValueOutOfRange: {
    status: 400,
    code: "0x8004432f",
    message: "A validation error occurred. An integer provided is outside of the allowed values for this attribute.",
  },
  InvalidActivityPartyAddress: { status: 400, code: "0x80043518", message: "One or more activity parties have invalid addresses." },
  InvalidArgument: { status: 400, code: "0x80040203", message: "Invalid argument." },
  InvalidDateTime: {
    status: 400,
    code: "0x80040239",
    message: "The date-time format is invalid, or value is outside the supported range.",
  },
  InvalidObjectTypes: { status: 400, code: "0x8004021f", message: "Invalid object type." },
  InvalidOperation: { status: 400, code: "0x8004023b", message: "Invalid Operation performed." },
  InvalidOutgoingDeliveryExpectingEmailConnector: {
    status: 400,
    code: "0x8005e226",
    message: "The outgoing delivery method is not email connector. To send mails its outgoing delivery method should be Email Connector.",
  },
  InvalidStateCodeStatusCode: {
    status: 400,
    code: "0x80048408",
    message: "State code is invalid or state code is valid but status code is invalid for a specified state code.",
  },
  InvalidXml: { status: 400, code: "0x80040201", message: "Invalid XML." },
  ObjectDoesNotExist: { status: 404, code: "0x80040217", message: "The specified object was not found." },
  OptimisticConcurrencyNotEnabled: {
    status: 400,
    code: "0x8006088d",
    message:
      "Optimistic concurrency isn't enabled for entity type {0}. The IfVersionMatches value of ConcurrencyBehavior can only be used if optimistic concurrency is enabled.",
  },
  PicklistValueOutOfRange: { status: 400, code: "0x8004431a", message: "The picklist value is out of the range." },
  PrivilegeDenied: { status: 403, code: "0x80040220", message: "The user does not hold the necessary privileges." },
  RecordNotFoundByEntityKey: {
    status: 404,
    code: "0x80060891",
    message: "A record with the specified key values does not exist in {0} entity",
  },
  RequiredFieldMissing: { status: 400, code: "0x80040200", message: "Required field missing." },
  StringLengthTooLong: {
    status: 400,
    code: "0x80044331",
    message: "A validation error occurred. A string value provided is too long.",
  },
  unManagedidscommunicationsnosender: {
    status: 400,
    code: "0x80040b02",
    message: "No email address was specified, and the calling user does not have an email address set",
  },
  UserDoesNotHaveSendAsAllowed: { status: 403, code: "0x8004480d", message: "User does not have send-as privilege" },
  UserDoesNotHaveSendAsForQueue: {
    status: 403,
    code: "0x8004480f",
    message:
      "You do not have sufficient privileges to send e-mail as the selected queue. Contact your system administrator for assistance.",
  },
  unManagedidsactivitypartyobjectidortypemissing: {
    status: 400,
    code: "0x80043504",
    message: "Activity party object Id or type is missing",
  },
} as const satisfies Record<string, ErrorCode>;

/** Codes of today's Dynamics that its table of v9.0 does not have (wire 7, Errors). */
const LATER = {
  /** A body that cannot be read as a row of that table. */
  InvalidPayload: { status: 400, code: "0x80048d19" },
  /** A query, bind or reference that cannot be understood. */
  NotUnderstood: { status: 400, code: "0x80060888" },
  /** A property that the table does not have. */
  InvalidProperty: { status: 400, code: "0x0" },
  NotAllowed: { status: 405, code: "0x80060888" },
} as const;

export type ErrorName = keyof typeof CODES;

/** All of {@link CODES}, for whoever compares them with Microsoft's table. */
export const ERROR_CODES: Readonly<Record<string, ErrorCode>> = CODES;

/** A refusal under its name in Dynamics. `message` says more about the case than Microsoft's table does; default: what stands there, its places filled with `places`. */
export function fault(name: ErrorName, message: string | null = null, places: readonly string[] = []): ApiFault {
  const { status, code, message: usual } = CODES[name];
  return new ApiFault(status, code, message ?? usual.replace(/\{(\d)\}/g, (place, number: string) => places[Number(number)] ?? place));
}

/** A refusal under a code that is newer than Microsoft's table. */
export function laterFault(name: keyof typeof LATER, message: string): ApiFault {
  return new ApiFault(LATER[name].status, LATER[name].code, message);
}

/** `set` has no row of that id, or none that the caller may see: which of the two is not told. */
export function doesNotExist(table: string, id: string): ApiFault {
  return fault("ObjectDoesNotExist", `${table} With Id = ${id} Does Not Exist`);
}
