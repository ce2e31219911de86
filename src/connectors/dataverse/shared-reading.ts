/** A reading that several ask for at the same time: each gets one that began after it asked, and all who wait get the same. */
export class SharedReading<Result> {
  #running: Promise<Result> | null = null;
  #next: Promise<Result> | null = null;

  read(work: () => Promise<Result>): Promise<Result> {
    if (this.#next !== null) return this.#next;
    if (this.#running === null) return this.#begin(work);
    const begin = () => {
      this.#next = null;
      return this.#begin(work);
    };
    // Whoever asked for the one that runs is told of its failure.
    this.#next = this.#running.then(begin, begin);
    return this.#next;
  }

  #begin(work: () => Promise<Result>): Promise<Result> {
    const running = work().finally(() => {
      this.#running = null;
    });
    this.#running = running;
    return running;
  }
}
