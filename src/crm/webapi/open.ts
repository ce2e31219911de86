import type { Store } from "../transaction.ts";
import { answerMetadata } from "./answer-metadata.ts";
import { answerRead } from "./answer-read.ts";
import { answerWrite } from "./answer-write.ts";
import type { Answering } from "./answering.ts";
import { type Behaviour, DEFAULT_BEHAVIOUR } from "./behaviour.ts";
import { dispatcher, dispatcherOfAll } from "./dispatch.ts";
import type { ReportFault } from "./fault-answer.ts";
import { OPERATIONS, operationNamed } from "./operations.ts";
import { indexTables } from "./table-index.ts";
import { TABLES } from "./tables.ts";

/** Serves one request in its turn: a path of the service's tables is read, written or run (see dispatcher). */
export const dispatch = dispatcher({
  metadata: (service, request) => answerMetadata(service, request, OPERATIONS),
  read: answerRead,
  write: answerWrite,
  operation: operationNamed,
});

const dispatchAll = dispatcherOfAll({ operation: operationNamed });

export interface OpenOptions {
  /** Told of faults of ours, without the request's content. */
  readonly report: ReportFault;
  readonly now: () => Date;
  readonly behaviour?: Behaviour;
}

/** The Web API over a database whose `crm` schema is in place: what HTTP asks. Opens nothing and holds nothing. */
export function openWebApi(store: Store, { report, now, behaviour = DEFAULT_BEHAVIOUR }: OpenOptions): Answering {
  return { service: { store, behaviour, tables: indexTables(TABLES), now }, dispatch, dispatchAll, report };
}
