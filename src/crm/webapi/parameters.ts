/** The values of one SQL statement that is being put together; text and values cannot come apart. */
export class Parameters {
  readonly values: unknown[] = [];

  /** Takes a value and gives its place: `$3`, or `$3::uuid` with a type. */
  add(value: unknown, type?: string): string {
    this.values.push(value);
    return `$${this.values.length}${type ? `::${type}` : ""}`;
  }
}
