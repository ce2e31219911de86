/** Rows as aligned lines with a title line: text columns first and to the left, as many as `textColumns`; numbers to the right. */
export function table<Row>(
  columns: readonly (readonly [title: string, of: (row: Row) => string])[],
  rows: readonly Row[],
  textColumns = 1,
): string[] {
  const cells = [columns.map(([title]) => title), ...rows.map((row) => columns.map(([, of]) => of(row)))];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0)));
  return cells.map((line) =>
    line.map((cell, index) => (index < textColumns ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0))).join("  "),
  );
}
