import { originalId, originalPlaceOf } from "../../model/forwarded.ts";
import type { MessageRef } from "../../model/message.ts";

/** The ref of the message of the mail system in which a message lies: its own, or that of the forward that holds it. */
export function forwardOf(ref: MessageRef): MessageRef {
  const place = originalPlaceOf(ref.id);
  return place === null ? ref : { stream: ref.stream, id: place.forward };
}

/** Of these that were decided as messages of the mail system, the forwards that are opened by now: what they hold is decided in their place. All of one stream. */
export function openedSince<Decided extends { readonly ref: MessageRef }>(
  decided: readonly Decided[],
  read: readonly { readonly ref: MessageRef }[],
): Decided[] {
  const forwards = new Set(read.flatMap(({ ref }) => originalPlaceOf(ref.id)?.forward ?? []));
  return decided.filter(({ ref }) => forwards.has(ref.id));
}

/**
 * Where originals lie, by the forwards that hold them: the mail system tells of forwards only. The ledger knows of all that was stored; what was told since
 * may not be stored yet, and is remembered here.
 */
export class ForwardedRefs {
  readonly #stored: (stream: string, ids: readonly string[]) => Promise<readonly string[]>;
  /** Numbers of originals, by stream and forward. */
  readonly #told = new Map<string, Map<string, number>>();

  constructor(stored: (stream: string, ids: readonly string[]) => Promise<readonly string[]>) {
    this.#stored = stored;
  }

  remember(refs: readonly MessageRef[]): void {
    for (const { stream, id } of refs) {
      const place = originalPlaceOf(id);
      if (place === null) continue;
      const its = this.#told.get(stream) ?? new Map<string, number>();
      this.#told.set(stream, its.set(place.forward, place.of));
    }
  }

  /** The refs of all originals in these forwards. */
  async lying(forwards: readonly MessageRef[]): Promise<MessageRef[]> {
    const refs: MessageRef[] = [];
    for (const [stream, its] of Map.groupBy(forwards, (one) => one.stream)) {
      const numbers = await this.#numbers(
        stream,
        its.map(({ id }) => id),
      );
      for (const { id } of its) for (const original of originalsOf(id, numbers)) refs.push({ stream, id: original });
    }
    return refs;
  }

  /** The ids of what lies in a stream, if these messages of the mail system do: originals in the place of the forwards that hold them. */
  async ids(stream: string, forwards: readonly string[]): Promise<string[]> {
    const numbers = await this.#numbers(stream, forwards);
    return forwards.flatMap((id) => (numbers.has(id) ? originalsOf(id, numbers) : [id]));
  }

  async #numbers(stream: string, ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const numbers = new Map<string, number>();
    for (const id of ids.length === 0 ? [] : await this.#stored(stream, ids)) {
      const place = originalPlaceOf(id);
      if (place !== null) numbers.set(place.forward, place.of);
    }
    const told = this.#told.get(stream);
    for (const id of told === undefined ? [] : ids) {
      const of = told?.get(id);
      if (of !== undefined) numbers.set(id, of);
    }
    return numbers;
  }
}

function originalsOf(forward: string, numbers: ReadonlyMap<string, number>): string[] {
  const of = numbers.get(forward) ?? 0;
  return Array.from({ length: of }, (_, index) => originalId({ forward, number: index + 1, of }));
}
