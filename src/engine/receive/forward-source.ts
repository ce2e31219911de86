import { setImmediate as othersTurn } from "node:timers/promises";
import type { ContentReader } from "../../mime/content-reader.ts";
import { forwardTrace } from "../../mime/forward.ts";
import { Failure } from "../../model/failure.ts";
import { type Forwarded, type ForwardTrace, originalPlaceOf } from "../../model/forwarded.ts";
import type { Content, Cursor, Folder, MessageHead, MessageRef } from "../../model/message.ts";
import type { Applied, Listing, ListOptions, MailSource, MessageAction, Pull, PullOptions } from "../../ports.ts";
import { type ForwarderFound, type ForwardSink, forwarderOf, mayHoldOriginals, possibleForwarders } from "../../tracking/forwarder.ts";
import { ForwardedRefs, forwardOf } from "./forwarded-refs.ts";

/**
 * Forwards opened together: each is downloaded for it, and nothing of them is stored before all are. What a server that cuts connections had handed out is
 * asked for once more, so that many together might never come to their end.
 */
const FORWARDS_AT_A_TIME = 10;

/** Bytes of them, unless a single one has more. */
const FORWARD_BYTES_AT_A_TIME = 32 * 1024 * 1024;

/** How many messages of a mailbox are looked at together: of a forward mailbox few. */
export function lookedAtTogether({ owner }: { readonly owner: { readonly type: string } }, others: number): number {
  return owner.type === "forward" ? FORWARDS_AT_A_TIME : others;
}

export interface ForwardMailbox extends ForwardSink {
  /** Opens forwards off the event loop. */
  readonly reader: Pick<ContentReader, "headsOfAttached" | "attached">;
  /** Bytes; a larger forward is not opened. */
  readonly maximumSize: number;
  /** Those of these addresses that are mailboxes whose mail comes by forwards. */
  forwarders(addresses: readonly string[]): Promise<ReadonlySet<string>>;
  /** Ids of the refs at which originals of these forwards lie, as far as is known. */
  originalsAt(stream: string, ids: readonly string[]): Promise<readonly string[]>;
}

/** A forward with all that is needed of its content. */
interface Opened {
  readonly head: MessageHead;
  readonly trace: ForwardTrace;
  readonly isCut: boolean;
  /** Heads of the messages that it holds. */
  readonly originals: readonly MessageHead[];
}

/**
 * A forward mailbox as if it held what users got and their rules forwarded to it: each original that is attached is a message of its own, with a ref that
 * says in which forward it is; a redirected message is one itself. A message that is no user's forward stays what it is, and its head says why
 * (`MessageHead.forwarded`). Whose original it is stands in the content alone, so every forward is downloaded once for its head, one at a time, and an original that is to be
 * an email a second time.
 */
export class ForwardSource implements MailSource {
  readonly awaitNews?: NonNullable<MailSource["awaitNews"]>;
  readonly hindranceToDeleting?: NonNullable<MailSource["hindranceToDeleting"]>;
  readonly without?: NonNullable<MailSource["without"]>;
  readonly #source: MailSource;
  readonly #mailbox: ForwardMailbox;
  readonly #refs: ForwardedRefs;

  constructor(source: MailSource, mailbox: ForwardMailbox) {
    this.#source = source;
    this.#mailbox = mailbox;
    this.#refs = new ForwardedRefs((stream, ids) => mailbox.originalsAt(stream, ids));
    // What the mail system lacks is missing here as well.
    if (source.awaitNews !== undefined) this.awaitNews = source.awaitNews.bind(source);
    if (source.hindranceToDeleting !== undefined) this.hindranceToDeleting = source.hindranceToDeleting.bind(source);
    const without = source.without?.bind(source);
    if (without !== undefined) this.without = (cursor: Cursor, deleted) => without(cursor, forwardsOf(deleted));
  }

  folders(): Promise<readonly Folder[]> {
    return this.#source.folders();
  }

  async pull(stream: string, cursor: Cursor | null, options: PullOptions): Promise<Pull> {
    // What lay there before the mailbox was to be read is nobody's business.
    const isOpened = ({ received }: MessageHead) => received >= options.since;
    const pull = await this.#few(stream, cursor, options, isOpened);
    if (pull.kind === "reset") return pull;
    const heads = [...pull.heads.filter((head) => !isOpened(head)), ...(await this.#open(pull.heads.filter(isOpened)))];
    const again = pull.again === undefined ? undefined : await this.#open(pull.again);
    const gone = await this.#refs.lying(pull.gone);
    const present = pull.present === null ? null : await this.#refs.ids(stream, pull.present);
    return { ...pull, heads, again, gone: [...pull.gone, ...gone], present };
  }

  async list(stream: string, cursor: Cursor | null, options: ListOptions): Promise<Listing> {
    const listing = await this.#source.list(stream, cursor, options);
    return { ...listing, covered: await this.#refs.ids(stream, listing.covered) };
  }

  async *content(refs: readonly MessageRef[], options: { readonly maximumSize: number }): AsyncIterable<Content> {
    const wanted = byForward(refs);
    let broken: Failure | null = null;
    for await (const content of this.#source.content(forwardsOf(refs), options)) {
      const its = wanted.get(keyOf(content.ref)) ?? [];
      if (content.kind !== "mime") for (const ref of its) yield { ...content, ref };
      else {
        const found = await this.#contentsOf(its, content.mime);
        if (found instanceof Failure) broken ??= found;
        else yield* found;
      }
    }
    // Only what was not answered for fails with it.
    if (broken !== null) throw broken;
  }

  find(folder: string, messageId: string): Promise<readonly MessageRef[]> {
    return this.#source.find(folder, messageId);
  }

  /** Of a forward all that it holds. */
  async heads(refs: readonly MessageRef[]): Promise<readonly MessageHead[]> {
    const asked = new Set(refs.map(keyOf));
    const opened = await this.#open(await this.#source.heads(forwardsOf(refs)));
    return opened.filter(({ ref }) => asked.has(keyOf(ref)) || asked.has(keyOf(forwardOf(ref))));
  }

  /** A forward is deleted only together with all that it holds. */
  async apply(refs: readonly MessageRef[], action: MessageAction): Promise<Applied> {
    const wanted = byForward(refs);
    const [whole, parts] = action === "delete" ? parted(wanted) : [wanted, []];
    const applied = await this.#source.apply(forwardsOf([...whole.values()].flat()), action);
    const all = (forwards: readonly MessageRef[]) => forwards.flatMap((ref) => whole.get(keyOf(ref)) ?? []);
    const undone = applied.undone.flatMap(({ ref, ...why }) => all([ref]).map((one) => ({ ref: one, ...why })));
    return {
      changed: all(applied.changed),
      gone: all(applied.gone),
      undone: [...undone, ...parts.map((ref) => ({ ref, failure: othersNotProven(ref) }))],
    };
  }

  fileSent(messageId: string, mime: Buffer, sentOn: Date): Promise<"filed" | "already there" | "no folder"> {
    return this.#source.fileSent(messageId, mime, sentOn);
  }

  close(): Promise<void> {
    return this.#source.close();
  }

  /** So few messages that opening them is soon done. */
  async #few(stream: string, cursor: Cursor | null, options: PullOptions, isOpened: (head: MessageHead) => boolean): Promise<Pull> {
    // Nobody gives a category there, and one on a forward would say of none of several originals that it was meant.
    const few = { ...options, limit: Math.min(options.limit, FORWARDS_AT_A_TIME), keyword: null };
    const pull = await this.#source.pull(stream, cursor, few);
    if (pull.kind === "reset") return pull;
    const isDownloaded = (head: MessageHead) => isOpened(head) && head.size <= this.#mailbox.maximumSize;
    const limit = howManyFit(pull.heads.map((head) => (isDownloaded(head) ? head.size : 0)));
    return limit < pull.heads.length ? this.#source.pull(stream, cursor, { ...few, limit }) : pull;
  }

  /** The heads of what these messages hold. One that left meanwhile is left out, one that is not handed out stays with the reason. */
  async #open(heads: readonly MessageHead[]): Promise<MessageHead[]> {
    const closed = new Map(heads.map((head) => [keyOf(head.ref), head]));
    const readable = heads.filter((head) => head.unreadable === undefined);
    const opened: Opened[] = [];
    const result = heads.filter((head) => head.unreadable !== undefined);
    try {
      const { maximumSize } = this.#mailbox;
      for await (const content of readable.length === 0
        ? []
        : this.#source.content(
            readable.map(({ ref }) => ref),
            { maximumSize },
          )) {
        const head = closed.get(keyOf(content.ref));
        closed.delete(keyOf(content.ref));
        if (head === undefined) continue;
        if (content.kind === "too large") result.push(tooLargeToOpen(head, content));
        if (content.kind === "mime") {
          const one = await this.#openedFrom(head, content.mime);
          if ("ref" in one) result.push(one);
          else opened.push(one);
        }
        await othersTurn();
      }
      const silent = readable.filter(({ ref }) => closed.has(keyOf(ref)));
      if (silent[0] !== undefined) throw notAnswered(silent[0].ref, silent.length);
    } catch (error) {
      if (!(error instanceof Failure) || error.scope !== "item") throw error;
      for (const head of readable) if (closed.has(keyOf(head.ref))) result.push({ ...head, unreadable: error.serverSaid ?? error.message });
    }
    const users = await this.#mailbox.forwarders([...new Set(opened.flatMap(({ trace }) => possibleForwarders(trace)))]);
    result.push(...opened.flatMap((one) => headsOf(one, forwarderOf(one.trace, this.#mailbox, users))));
    this.#refs.remember(result.map(({ ref }) => ref));
    return result;
  }

  /** What a stranger attached is not even looked for, nor what hangs on a redirected message: that takes time. The head with the reason where what is attached cannot be read. */
  async #openedFrom(head: MessageHead, mime: Buffer): Promise<Opened | MessageHead> {
    const trace = forwardTrace(mime);
    if (!mayHoldOriginals(trace, this.#mailbox)) return { head, trace, originals: [], isCut: false };
    const { ref, folders, received, receivedFrom, flags, sharesId, size } = head;
    const facts = { ref, folders, received, flags, size, providerId: null, ...(receivedFrom !== undefined && { receivedFrom }) };
    try {
      const { heads, isCut } = await this.#mailbox.reader.headsOfAttached(mime, facts);
      return { head, trace, isCut, originals: sharesId === undefined ? heads : heads.map((one) => ({ ...one, sharesId })) };
    } catch (error) {
      return { ...head, unreadable: notOpened(ref, error).message };
    }
  }

  /** What lies at these refs of one forward. One that does not hold what it held is another message by now. */
  async #contentsOf(refs: readonly MessageRef[], mime: Buffer): Promise<readonly Content[] | Failure> {
    const places = refs.map(({ id }) => originalPlaceOf(id));
    const numbers = places.flatMap((place) => place?.number ?? []);
    if (numbers.length === 0) return refs.map((ref) => ({ ref, kind: "mime", mime }));
    const [first] = refs;
    // A whole forward is asked for beside what it holds in no round; whoever gets bytes has them for good.
    const whole = numbers.length < refs.length ? Buffer.from(mime) : mime;
    try {
      const { of, messages } = await this.#mailbox.reader.attached(mime, numbers);
      return refs.map((ref, index): Content => {
        const place = places[index] ?? null;
        const original = place === null ? whole : of === place.of ? messages.get(place.number) : undefined;
        return original === undefined ? { ref, kind: "gone" } : { ref, kind: "mime", mime: original };
      });
    } catch (error) {
      return notOpened(first, error);
    }
  }
}

/** So many of messages of these sizes, from the first. */
function howManyFit(sizes: readonly number[]): number {
  let bytes = 0;
  const tooMany = sizes.findIndex((size) => {
    bytes += size;
    return bytes > FORWARD_BYTES_AT_A_TIME;
  });
  return tooMany < 0 ? sizes.length : Math.max(1, tooMany);
}

function headsOf({ head, isCut, originals }: Opened, found: ForwarderFound): MessageHead[] {
  const refused = (because: string): MessageHead[] => [{ ...head, forwarded: { kind: "refused", because } }];
  if (found.way === null) return refused(found.because);
  const forwarded: Forwarded = { kind: "original", forwarder: found.forwarder, because: found.because };
  if (found.way === "redirected") return [{ ...head, forwarded }];
  if (isCut) return refused(`${found.because} But it holds more messages or parts than are read, so none of them is taken for the whole.`);
  if (originals.length === 0)
    return refused(
      `${found.because} But no message is attached to it: it was forwarded inline, and the rule must forward as an attachment.`,
    );
  return originals.map((original) => ({ ...original, forwarded }));
}

function tooLargeToOpen(head: MessageHead, { size, limit }: { readonly size: number; readonly limit: number }): MessageHead {
  return { ...head, unreadable: `The message has ${size} bytes, and ${limit} are allowed.`, forwarded: { kind: "too large", size, limit } };
}

type Wanted = ReadonlyMap<string, readonly MessageRef[]>;

/** By the forwards' keys. */
function byForward(refs: readonly MessageRef[]): Wanted {
  return Map.groupBy(refs, (ref) => keyOf(forwardOf(ref)));
}

function forwardsOf(refs: readonly MessageRef[]): MessageRef[] {
  return [...new Map(refs.map(forwardOf).map((ref) => [keyOf(ref), ref])).values()];
}

/** Forwards of which all is wanted, and the refs of the others. */
function parted(wanted: Wanted): [Wanted, readonly MessageRef[]] {
  const isWhole = (refs: readonly MessageRef[]) => {
    const places = refs.map(({ id }) => originalPlaceOf(id));
    return places.some((place) => place === null || new Set(places.map((one) => one?.number)).size === place.of);
  };
  const [whole, parts] = [[...wanted].filter(([, refs]) => isWhole(refs)), [...wanted].filter(([, refs]) => !isWhole(refs))];
  return [new Map(whole), parts.flatMap(([, refs]) => refs)];
}

/** A failure of this forward alone. Throws what is about more. */
function notOpened(ref: MessageRef | undefined, error: unknown): Failure {
  if (error instanceof Failure) throw error;
  return new Failure({
    scope: "item",
    code: "forward not opened",
    message: `What is attached to the message ${ref?.id ?? ""} in the forward mailbox cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    remedy: "Look at the message in the forward mailbox: what it holds can be forwarded once more, in several messages.",
    waitingHelps: false,
  });
}

/** The page is read again: a message that is passed over now is never told of again. */
function notAnswered({ stream, id }: MessageRef, count: number): Failure {
  return new Failure({
    scope: "folder",
    code: "forwards not answered",
    message: `The mail server answered nothing for ${count} messages of the folder ${stream} that it listed a moment before, as ${id}.`,
    remedy: "Nothing is lost: they are asked for again. If it goes on, the mail server's index of the folder may be damaged.",
    waitingHelps: true,
  });
}

function othersNotProven({ id }: MessageRef): Failure {
  return new Failure({
    scope: "item",
    code: "others in the forward",
    message: `The forward with the message ${id} holds others too, and it is deleted only when all of them are proven to be in the CRM.`,
    remedy: "Nothing is to be done: they are compared together the next time.",
    waitingHelps: true,
  });
}

function keyOf({ stream, id }: MessageRef): string {
  return `${stream}\n${id}`;
}
