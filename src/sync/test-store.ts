import type { Fields, FieldValue, Item, Side } from "../model/item.ts";
import type { Presence } from "./reconcile.ts";
import { same } from "./same.ts";

/** What becomes of one call of a foreign system. */
export type Fate =
  | "done"
  /** Refused for a reason of its own; nothing has happened. */
  | "refused"
  /** It happened, and nobody was told. */
  | "answer lost"
  /** It did not happen, and nobody was told. */
  | "call lost"
  /** It arrived twice: the second time the version is another one already. */
  | "twice"
  /** Somebody's edit arrived just before. */
  | "edited before"
  /** It happened, and somebody's edit arrived before the answer was looked at. */
  | "edited after";

export type Outcome = { readonly kind: "kept"; readonly item: Item } | { readonly kind: "conflict" | "refused" | "unknown" };
export type Removed = "removed" | "conflict" | "refused" | "unknown";

interface Stored {
  fields: Fields;
  version: number;
  readonly key: string | null;
  left: boolean;
}

/** One side in memory, which rewrites what it is given, counts versions as it likes, and does with calls what fate says. */
export class TestStore {
  readonly #items = new Map<string, Stored>();
  readonly #deleted = new Set<string>();
  readonly #hidden = new Set<string>();
  readonly side: Side;
  readonly rewrite: (fields: Fields) => Fields;
  readonly #nextFate: () => Fate;
  readonly #somebodyEdits: (store: TestStore, id: string) => void;
  #made = 0;

  constructor(
    side: Side,
    rewrite: (fields: Fields) => Fields,
    nextFate: () => Fate,
    somebodyEdits: (store: TestStore, id: string) => void,
  ) {
    this.side = side;
    this.rewrite = rewrite;
    this.#nextFate = nextFate;
    this.#somebodyEdits = somebodyEdits;
  }

  /** As a person does. */
  add(fields: Fields): string {
    return this.#add(fields, null);
  }

  ids(): string[] {
    return [...this.#items.keys()];
  }

  edit(id: string, fields: Fields): void {
    const stored = this.#items.get(id);
    if (stored === undefined) return;
    stored.fields = this.rewrite({ ...stored.fields, ...fields });
    stored.version += 1;
  }

  /** Another version of the same thing. */
  touch(id: string): void {
    const stored = this.#items.get(id);
    if (stored !== undefined) stored.version += 1;
  }

  delete(id: string): void {
    if (this.#items.delete(id)) this.#deleted.add(id);
  }

  /** Out of the filter, or of sight. */
  leave(id: string): void {
    const stored = this.#items.get(id);
    if (stored !== undefined) stored.left = true;
  }

  /** Reading it fails, until it is shown. */
  hide(id: string): void {
    this.#hidden.add(id);
  }

  show(): void {
    this.#hidden.clear();
  }

  value(id: string, field: string): FieldValue | undefined {
    return this.#items.get(id)?.fields[field];
  }

  read(id: string): Presence {
    const stored = this.#items.get(id);
    if (this.#hidden.has(id)) return { state: "not known" };
    if (stored === undefined) return { state: this.#deleted.has(id) ? "deleted" : "not known" };
    const item = { id, version: String(stored.version), fields: stored.fields };
    return stored.left ? { state: "left", item } : { state: "present", item };
  }

  find(key: string): string | null {
    return [...this.#items].find(([, stored]) => stored.key === key)?.[0] ?? null;
  }

  create(key: string, fields: Fields): Outcome {
    const fate = this.#nextFate();
    if (fate === "refused") return { kind: "refused" };
    if (fate === "call lost") return { kind: "unknown" };
    const existing = this.find(key);
    if (existing !== null) return { kind: "conflict" };
    const id = this.#add(fields, key);
    if (fate === "answer lost") return { kind: "unknown" };
    if (fate === "twice") return { kind: "conflict" };
    return this.#kept(id, fate);
  }

  update(id: string, version: string, fields: Fields): Outcome {
    const fate = this.#nextFate();
    if (fate === "refused") return { kind: "refused" };
    if (fate === "call lost") return { kind: "unknown" };
    if (fate === "edited before") this.#somebodyEdits(this, id);
    const stored = this.#items.get(id);
    if (stored === undefined || String(stored.version) !== version) return { kind: "conflict" };
    this.edit(id, fields);
    if (fate === "answer lost") return { kind: "unknown" };
    if (fate === "twice") return { kind: "conflict" };
    return this.#kept(id, fate);
  }

  remove(id: string, version: string): Removed {
    const fate = this.#nextFate();
    if (fate === "refused") return "refused";
    if (fate === "call lost") return "unknown";
    if (fate === "edited before") this.#somebodyEdits(this, id);
    const stored = this.#items.get(id);
    if (stored === undefined || String(stored.version) !== version) return "conflict";
    this.delete(id);
    return fate === "answer lost" || fate === "twice" ? "unknown" : "removed";
  }

  #add(fields: Fields, key: string | null): string {
    this.#made += 1;
    const id = `${this.side} ${this.#made}`;
    this.#items.set(id, { fields: this.rewrite(fields), version: 1, key, left: false });
    return id;
  }

  #kept(id: string, fate: Fate): Outcome {
    // What is read afterwards is of another version than the one that was written: what became of the write alone cannot be known.
    if (fate === "edited after") {
      this.#somebodyEdits(this, id);
      return { kind: "unknown" };
    }
    const presence = this.read(id);
    if (presence.state === "deleted" || presence.state === "not known" || presence.item === null) return { kind: "conflict" };
    return { kind: "kept", item: presence.item };
  }
}

/** Whether the two hold the same, as far as either side can. */
export function alikeAcross(crm: TestStore, server: TestStore, crmValue: FieldValue, serverValue: FieldValue, field: string): boolean {
  const rewritten = (store: TestStore, value: FieldValue) => store.rewrite({ [field]: value })[field];
  return same(rewritten(server, crmValue), serverValue) || same(rewritten(crm, serverValue), crmValue);
}
