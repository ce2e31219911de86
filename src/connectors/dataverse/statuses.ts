import { setTimeout } from "node:timers/promises";
import { z } from "zod";
import { Failure } from "../../model/failure.ts";
import type { Organization } from "./organization.ts";
import { OVERTAKEN, proveStatuses } from "./prove-status.ts";

/** How long an organization that refused to change the status of a completed email is taken at its word; then the next claim tries again. */
const BELIEVED_MILLISECONDS = 60 * 60_000;

const KEY = "statuses";
const REMEMBERED = z.object({ refused: z.boolean(), at: z.iso.datetime() });

/** What is remembered of the organization: whether statuses were refused, and whether that still counts. Null: nothing. */
export async function rememberedStatuses(
  organization: Organization,
): Promise<{ readonly refused: boolean; readonly counts: boolean } | null> {
  const noted = (await organization.notes.read([KEY])).get(KEY);
  if (noted === undefined) return null;
  const { refused, at } = REMEMBERED.parse(noted.value);
  const age = organization.now().getTime() - Date.parse(at);
  // A clock that was set back makes nothing last longer.
  return { refused, counts: age >= 0 && age < BELIEVED_MILLISECONDS };
}

/** Remembers for all processes whether the organization lets the status of a completed email be changed. */
export async function rememberStatuses(organization: Organization, refused: boolean): Promise<void> {
  const noted = (await organization.notes.read([KEY])).get(KEY);
  // What nobody doubted needs no note.
  if (noted === undefined && !refused) return;
  // Whoever is quicker has just found out, too.
  await organization.notes.write(KEY, noted?.revision ?? null, { refused, at: organization.now().toISOString() });
}

/**
 * A claim was refused: whether that is the organization's way with every completed email. Where it was before, it still is; else it is tried on an email of Waypost's
 * own. Remembers it.
 * @throws Failure where the email cannot be made or taken away
 */
export async function refusesStatuses(organization: Organization): Promise<boolean> {
  // Claims that are refused at the same time have it tried once.
  const underWay = proofs.get(organization) ?? findOut(organization).finally(() => proofs.delete(organization));
  proofs.set(organization, underWay);
  return underWay;
}

const proofs = new WeakMap<Organization, Promise<boolean>>();

/** Proofs that disturb each other are tried again, each after a time of its own, up to that many milliseconds. */
const MOST_TRIES = 10;
const LONGEST_PAUSE = 1_000;

async function findOut(organization: Organization): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    const known = await rememberedStatuses(organization);
    try {
      const refused = known?.refused === true || (await proveStatuses(organization)).refusal !== null;
      await rememberStatuses(organization, refused);
      return refused;
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== OVERTAKEN || tries === MOST_TRIES) throw error;
      await setTimeout(Math.random() * LONGEST_PAUSE);
    }
  }
}
