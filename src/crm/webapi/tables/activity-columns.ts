import { choice, creatable, flag, id, instant, memo, readable, text, whole, writable } from "../columns.ts";
import type { Column } from "../table.ts";

/** What every activity has with the same meaning; its own columns stand with each. */
export const ACTIVITY_COLUMNS: readonly Column[] = [
  ...writable([
    memo("activityadditionalparams", 8_192),
    whole("actualdurationminutes", 0),
    instant("actualend"),
    instant("actualstart"),
    choice("community", "0 Other | 1 Facebook | 2 Twitter"),
    text("exchangeitemid", 200),
    text("exchangeweblink", 1_250),
    flag("isbilled", "0 No | 1 Yes"),
    flag("ismapiprivate", "0 No | 1 Yes"),
    flag("isworkflowcreated", "0 No | 1 Yes"),
    instant("lastonholdtime"),
    flag("leftvoicemail", "0 No | 1 Yes"),
    choice("prioritycode", "0 Low | 1 Normal | 2 High"),
    id("processid"),
    instant("sortdate"),
    id("stageid"),
    text("traversedpath", 1_250),
  ]),
  ...creatable([choice("deliveryprioritycode", "0 Low | 1 Normal | 2 High")]),
  ...readable([
    instant("createdon"),
    instant("deliverylastattemptedon"),
    choice(
      "instancetypecode",
      "0 Not Recurring | 1 Recurring Master | 2 Recurring Instance | 3 Recurring Exception | 4 Recurring Future Exception",
    ),
    flag("isregularactivity", "0 No | 1 Yes"),
    instant("modifiedon"),
    whole("onholdtime"),
    instant("postponeactivityprocessinguntil"),
    instant("senton"),
    id("seriesid"),
  ]),
];
