/** The named limits of the client, and those of the organization that are known in advance. */

const SECOND = 1000;
const MEBIBYTE = 1024 * 1024;

export const LIMITS = {
  /** Bytes of one answer, unpacked. Pages are cut smaller by `pageRows`; a larger answer (an attachment's body) is asked for by name. */
  answer: 32 * MEBIBYTE,
  /** Bytes of the metadata document; real ones have 4 to 10 MB. */
  metadata: 64 * MEBIBYTE,
  /** Milliseconds after which it is asked whether the metadata are still the same: an administrator may add columns at any time. */
  metadataLife: 60 * 60 * SECOND,
  /** Bytes of a request's body in a batch with others; one that is larger goes alone. */
  batchBytes: 8 * MEBIBYTE,
  /** Rows of a page: of some columns each it has less than half a megabyte, which is parsed in a few milliseconds. */
  pageRows: 500,
  /** Pages of one reading. */
  pages: 100_000,
  /** Characters of an address; IIS takes 2,048 of a query on premises as it is installed, and 16,384 of an address where it is told to. */
  address: 16_384,
  /** Characters of a server's words that are passed on. */
  words: 1000,
  /** Milliseconds until the whole answer must be there: Dynamics itself gives up after two minutes. */
  answerTime: 150 * SECOND,
  /** Milliseconds until a connection must stand. */
  connectTime: 20 * SECOND,
  /** Milliseconds that a connection is kept without work. */
  idleTime: 60 * SECOND,
  /** Milliseconds that a request waits for the organization's limits before it is a Failure with `notBefore`. */
  patience: 60 * SECOND,
  /** Times that one request is sent, where it may be sent again. */
  tries: 5,
  /** Requests that wait at a time; more are refused at once. */
  waiting: 10_000,
  /** Milliseconds of the first pause after an answer that names none; doubles with each try. */
  firstPause: SECOND / 2,
} as const;

/** What an organization allows one user in a sliding window; known in advance (wire 7, product-behaviour 5.5). */
export interface ServiceLimits {
  /** Requests at the same time. */
  readonly concurrent: number;
  readonly budget: BudgetLimits | null;
  /** Requests in one batch. */
  readonly batch: number;
}

export interface BudgetLimits {
  /** Milliseconds. */
  readonly window: number;
  readonly requests: number;
  /** Milliseconds of work of the server. */
  readonly execution: number;
}

export const ONLINE: ServiceLimits = {
  concurrent: 52,
  budget: { window: 300 * SECOND, requests: 6000, execution: 1200 * SECOND },
  batch: 1000,
};

/** No service protection; of old versions a batch takes 100 (wire 9). */
export const ON_PREMISES: ServiceLimits = { concurrent: 16, budget: null, batch: 100 };
