/** Rows and what the server said about them. `command` is the SQL command tag's first word, `rowCount` the rows it touched. */
export interface SqlResult<Row> {
  readonly rows: Row[];
  readonly rowCount: number;
  readonly command: string;
}

/** Something that runs one SQL statement of PostgreSQL's dialect with `$1` parameters. Values: string, number, boolean, Date, Buffer, null, arrays of these, or JSON text for jsonb. */
export interface Sql {
  query<Row = Record<string, unknown>>(text: string, values?: readonly unknown[], options?: StatementOptions): Promise<SqlResult<Row>>;
}

export interface StatementOptions {
  /**
   * It is asked again and again, and finds its rows by keys, so that one plan is good for all values: the embedded engine, for which planning is most of the work, then
   * plans it once for many times. Not for what has a good plan only with its values at hand.
   */
  readonly keepsPlan?: boolean;
}

/**
 * The handle of one open transaction. Code that is given one runs its statements there and nowhere else (invariant 14). Statements that do not need
 * each other's answers are best asked for at once, in a `Promise.all`: they run in the order in which they were asked for, without waiting for us in
 * between, and after an error those behind it fail too.
 */
export interface Transaction extends Sql {
  readonly open: true;
}
