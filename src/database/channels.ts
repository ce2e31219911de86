interface Listener {
  readonly onNotify: (payload: string) => void;
  readonly onResume: () => void;
}

/** Who listens to which channel of NOTIFY. */
export class Channels {
  readonly #listeners = new Map<string, Set<Listener>>();

  names(): string[] {
    return [...this.#listeners.keys()];
  }

  /** The function takes the listener away again and says whether it was the channel's last. */
  add(channel: string, onNotify: (payload: string) => void, onResume: () => void): () => boolean {
    const listener: Listener = { onNotify, onResume };
    const listeners = this.#listeners.get(channel) ?? new Set();
    listeners.add(listener);
    this.#listeners.set(channel, listeners);
    return () => {
      const last = listeners.delete(listener) && listeners.size === 0;
      if (last) this.#listeners.delete(channel);
      return last;
    };
  }

  deliver(channel: string, payload: string): void {
    for (const listener of [...(this.#listeners.get(channel) ?? [])]) listener.onNotify(payload);
  }

  resume(): void {
    for (const listeners of [...this.#listeners.values()]) for (const listener of [...listeners]) listener.onResume();
  }
}

/** A channel name in SQL. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
