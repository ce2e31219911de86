import { z } from "zod";
import { doesNotExist, fault } from "../error-codes.ts";
import { givenRow, requireRow, requireType, tableOf } from "../given-row.ts";
import type { Operation } from "../operation.ts";
import { complexAnswer } from "../operation-answer.ts";
import { objectOf } from "../operation-parameters.ts";
import { itemsOf, moveItem, putIntoQueue, QUEUEABLE, type QueueItemProperties } from "../queue-rows.ts";

const PROPERTIES = z.object({
  priority: z.number().int().min(0).max(1_000_000_000).nullish(),
  title: z.string().max(300).nullish(),
});

/**
 * Puts a row into the queue; with SourceQueue, moves it from there (wire 7.1). Emails may lie in several queues at once, everything else in one
 * (product-behaviour 4.12). Throws ApiFault 0x80040523 where the email lies there already, 0x80040524 where it is not in SourceQueue.
 */
export const addToQueue: Operation = {
  name: "AddToQueue",
  kind: "action",
  binding: { table: "queue", to: "row" },
  parameters: [
    { name: "Target", type: "mscrm.crmbaseentity", required: true },
    { name: "SourceQueue", type: "mscrm.queue", required: false },
    { name: "QueueItemProperties", type: "mscrm.queueitem", required: false },
  ],
  returns: { kind: "complex", name: "AddToQueueResponse", properties: [{ name: "QueueItemId", type: "Edm.Guid" }] },
  async run(turn, call) {
    if (call.key === null) throw doesNotExist("queue", "");
    const queue = tableOf(turn, "queue");
    const queueId = await requireRow(turn, queue, call.key, "AppendTo");
    const target = givenRow(turn, objectOf(call, "Target"));
    requireType(target, QUEUEABLE);
    await requireRow(turn, target.table, { kind: "id", id: target.id }, "Append");
    const source = objectOf(call, "SourceQueue");
    const given = PROPERTIES.safeParse(objectOf(call, "QueueItemProperties") ?? {});
    if (!given.success) throw fault("InvalidArgument");
    const properties: QueueItemProperties = { priority: given.data.priority ?? null, title: given.data.title ?? null };
    if (source === null) return answer(await putIntoQueue(turn, queueId, target, properties));
    const sourceId = givenRow(turn, source, "queue").id;
    await requireRow(turn, queue, { kind: "id", id: sourceId }, "Read");
    const item = (await itemsOf(turn, target)).find((one) => one.queueId === sourceId);
    if (!item) throw fault("CouldNotFindQueueItemInQueue");
    return answer(await moveItem(turn, item.id, queueId));

    function answer(QueueItemId: string) {
      return complexAnswer(call.request, "AddToQueueResponse", { QueueItemId });
    }
  },
};
