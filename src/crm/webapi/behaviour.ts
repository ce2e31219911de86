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
  /** DeliverIncomingEmail and CheckIncomingEmail are there at all; else `$metadata` does not name them. */
  readonly deliversIncoming: boolean;
}

export const DEFAULT_BEHAVIOUR: Behaviour = {
  changesCompletedStatus: true,
  sendsWithMethodNone: true,
  honoursBackgroundSend: true,
  deliversIncoming: true,
};
