import { NumberLists } from "../../model/number-lists.ts";
import type { OrganizationSettings } from "../../model/settings.ts";
import type { Change } from "../../tracking/change.ts";
import { OutcomesById } from "./outcomes.ts";
import type { Side } from "./tally.ts";

/** What becomes of the messages of a stretch under one choice of settings. */
export interface World {
  readonly side: Side;
  readonly settings: OrganizationSettings;
  /** Against the CRM as it is; the settings are among them. */
  readonly changes: readonly Change[];
  readonly outcomes: OutcomesById;
  /** By the id of a decision: those that are to be made again when it makes an email. */
  readonly waiting: NumberLists;
  /** When automatic answers came, by sender and conversation, and by sender and mailbox. */
  readonly answers: NumberLists;
  /** Tracking tokens of emails whose subject holds several, by decision: the one by which they were found. */
  readonly tokens: Map<number, string>;
}

/** A world in which nothing is decided yet. */
export function newWorld(side: Side, settings: OrganizationSettings, changes: readonly Change[]): World {
  return {
    side,
    settings,
    changes,
    outcomes: new OutcomesById(),
    waiting: new NumberLists(),
    answers: new NumberLists(),
    tokens: new Map(),
  };
}
