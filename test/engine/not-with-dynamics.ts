const NO_TRACE =
  "Dynamics keeps no trace of what is deleted, so that an email that is not there counts as deleted by a person, and none is missing or made again";
const HASHES = "how Dynamics makes the hashes of smart matching is not published, so that only Dynamics itself finds emails by them";
const STATEMENTS = "statements are counted, and those of the Web API are among them here, which stands on the same database";

/**
 * Promises of the embedded CRM that Dynamics cannot keep, by suite and test, each with the reason. They are run all the same, and one that is kept after all
 * is a failure, as is one that there is not: so the list stays exact.
 */
export const NOT_WITH_DYNAMICS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "a sender who becomes known": {
    "so it is when a contact is activated": "the address stood in Dynamics before, so that its index of addresses does not change",
    "another name of a contact is no new address": "it is the embedded CRM's own list that is looked at, and nobody takes from it here",
  },
  "an audit": {
    "IMAP: says of each message what became of it, and repair delivers what is missing and nothing else": NO_TRACE,
    "POP3: says of each message what became of it, and repair delivers what is missing and nothing else": NO_TRACE,
    "an email that another mailbox made counts for both, and is made once again when it is lost": NO_TRACE,
    "one without a Message-ID is made again under its id, and in quarantine nothing is missing": NO_TRACE,
    "in a CRM elsewhere it is the same, and one that keeps no trace of what is deleted loses nothing": NO_TRACE,
    "a folder that cannot be listed is named, and an alert about it stays open": NO_TRACE,
  },
  "copies with other heads": {
    "an email that is lost is made again by a repair, also where another mailbox has a copy": NO_TRACE,
  },
  "a folder with a rule": {
    "does not ask the database once for each message, when they come and when they are moved": STATEMENTS,
  },
  bounces: {
    "the statements of a page do not grow with the reports and automatic answers in it": STATEMENTS,
  },
  "sent mail": {
    "an audit counts it, and delivers what is missing as what was sent": NO_TRACE,
    "without a Message-ID, moved, and its email lost: the audit delivers it as what was sent": NO_TRACE,
  },
  "whose an address is": {
    "resolve: the address is the record's, on all emails and for those to come; what they are about stays":
      "Dynamics leaves the parties of completed emails alone",
    "resolve: with resolvesimilarunresolvedemailaddress off only the email that was named changes":
      "Dynamics has no place for addresses beside the columns, and leaves the parties of completed emails alone",
    "who may not write emails owns none, and the owner's default queue gets an item by setting":
      "who may write emails follows from the roles in Dynamics, which the connector does not read",
  },
  "answers that only their subject and their people tie to an email": {
    "without headers and token an answer belongs to the email before it, in another mailbox and on the same page": HASHES,
    "an answer to an email that the CRM sent is known by it": HASHES,
  },
};
