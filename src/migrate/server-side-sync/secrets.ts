import type { NeededSecret } from "../../model/server-side-sync.ts";
import type { SecretFile } from "./draft.ts";
import { fileName, UniqueNames } from "./foreign-text.ts";

/** Names the files of what has to be provided: nobody reads a password from Dynamics. */
export class Secrets {
  readonly #names = new UniqueNames();
  readonly #needed: NeededSecret[] = [];

  /** A file for one secret. `whose`: from which the file has its name; `what`: for a person. */
  need(whose: string, what: string): SecretFile {
    const file = `secrets/${this.#names.take(fileName(whose)).replaceAll(" ", "-")}`;
    this.#needed.push({ file, what });
    return { file };
  }

  get needed(): readonly NeededSecret[] {
    return this.#needed;
  }
}
