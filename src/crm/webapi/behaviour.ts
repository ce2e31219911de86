/**
 * What is not known for certain of Dynamics (product-behaviour 5.3 and 12), each a switch: whoever relies on one of them is tested with it on and off.
 */
export interface Behaviour {
  /** PATCH of `statuscode` within the state Completed (6 to 7 to 3) is accepted; else a completed email is read-only. */
  readonly changesCompletedStatus: boolean;
  /** SendEmail is accepted where the sender's outgoing delivery method is None. */
  readonly sendsWithMethodNone: boolean;
  /** BackgroundSendEmail hands out pending emails; else it answers with none. */
  readonly honoursBackgroundSend: boolean;
  /** The messages Check… and Deliver… for incoming mail are there at all; else `$metadata` does not name them. */
  readonly deliversIncoming: boolean;
  /** Check and Deliver look at ExtraProperties, which are for internal use (product-behaviour 5.2); else they know no header but those they name. */
  readonly readsExtraProperties: boolean;
  /** DeliverIncomingEmail without ValidateBeforeCreate asks the filters; else only whoever says so has them asked. */
  readonly validatesUnlessTold: boolean;
  /** A second incoming message with a Message-ID is a duplicate whatever else it says; else sender, date, subject and recipients must agree too. */
  readonly messageIdTellsDuplicates: boolean;
  /** SendEmail with an empty TrackingToken gives the email one; else it leaves without. */
  readonly allotsTokenOnSend: boolean;
}

export const DEFAULT_BEHAVIOUR: Behaviour = {
  changesCompletedStatus: true,
  sendsWithMethodNone: true,
  honoursBackgroundSend: true,
  deliversIncoming: true,
  readsExtraProperties: true,
  validatesUnlessTold: true,
  messageIdTellsDuplicates: true,
  allotsTokenOnSend: true,
};
