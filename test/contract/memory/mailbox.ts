import type { FolderRole } from "../../../src/model/message.ts";

export interface StoredFolder {
  readonly id: string;
  readonly name: string;
  readonly role: FolderRole;
}

/** A message as the mail system stores it. */
export interface Stored {
  /** Never given to another message of the mailbox. */
  readonly number: number;
  readonly mime: Buffer;
  readonly received: Date;
  /** The folders in which it lies, each with the number of this arrival: one that comes back gets another. */
  readonly folders: ReadonlyMap<string, number>;
  readonly seen: boolean;
}

/** Something that happened, as the mail system remembers it for those who ask what is new. */
export interface Change {
  /** Grows, without gaps in this memory; those who read it may not rely on that. */
  readonly at: number;
  readonly message: number;
  readonly folder: string;
  readonly what: "arrived" | "left" | "marked";
}

/** One mailbox of a mail system in memory: what is in it and what happened to it, whatever the protocol that tells of it. */
export class MemoryMailbox {
  readonly address: string;
  readonly password: string;
  readonly folders: StoredFolder[] = [
    { id: "f-inbox", name: "INBOX", role: "inbox" },
    { id: "f-sent", name: "Sent", role: "sent" },
    { id: "f-trash", name: "Trash", role: "trash" },
  ];
  readonly messages = new Map<number, Stored>();
  readonly changes: Change[] = [];
  /** Called after each change. */
  readonly watchers = new Set<() => void>();
  #numbers = 0;

  constructor(address: string, password: string) {
    this.address = address;
    this.password = password;
  }

  /** The folder of that name, made if need be. */
  folder(name: string): StoredFolder {
    const known = this.folders.find((one) => one.name === name);
    if (known) return known;
    const made: StoredFolder = { id: `f-${this.folders.length}`, name, role: "none" };
    this.folders.push(made);
    return made;
  }

  put(folders: readonly string[], mime: Buffer, received = new Date(), seen = false): Stored {
    const number = ++this.#numbers;
    this.messages.set(number, { number, mime, received, folders: new Map(), seen });
    this.place(number, folders);
    return this.#get(number);
  }

  /** From now on it lies in these folders and no others. */
  place(number: number, folders: readonly string[]): void {
    const message = this.#get(number);
    const kept = [...message.folders].filter(([id]) => folders.includes(id));
    const left = [...message.folders.keys()].filter((id) => !folders.includes(id));
    const arrived = folders.filter((id) => !message.folders.has(id));
    for (const folder of left) this.#note(number, folder, "left");
    const arrivals = arrived.map((folder) => [folder, this.#note(number, folder, "arrived")] as const);
    this.messages.set(number, { ...message, folders: new Map([...kept, ...arrivals]) });
    this.#tell();
  }

  mark(number: number): void {
    const message = this.#get(number);
    this.messages.set(number, { ...message, seen: true });
    for (const folder of message.folders.keys()) this.#note(number, folder, "marked");
    this.#tell();
  }

  remove(number: number): void {
    for (const folder of this.#get(number).folders.keys()) this.#note(number, folder, "left");
    this.messages.delete(number);
    this.#tell();
  }

  /** Messages of a folder, in the order of their arrival in it. */
  in(folder: string): Stored[] {
    const arrival = (message: Stored) => message.folders.get(folder) ?? 0;
    return [...this.messages.values()].filter((one) => one.folders.has(folder)).sort((one, other) => arrival(one) - arrival(other));
  }

  /** The position after everything that has happened. */
  get now(): number {
    return this.changes.length;
  }

  #get(number: number): Stored {
    const message = this.messages.get(number);
    if (message === undefined) throw new Error(`there is no message ${number} in ${this.address}`);
    return message;
  }

  #note(message: number, folder: string, what: Change["what"]): number {
    const at = this.changes.length + 1;
    this.changes.push({ at, message, folder, what });
    return at;
  }

  #tell(): void {
    for (const watcher of this.watchers) watcher();
  }
}
