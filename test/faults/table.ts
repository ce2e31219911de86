/** Prints the result of a suite as a table of two columns. */
export function printTable(title: string, rows: Readonly<Record<string, string | number>>): void {
  const width = Math.max(...Object.keys(rows).map((name) => name.length));
  const lines = Object.entries(rows).map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
  console.log(`\n${title}\n${lines.join("\n")}\n`);
}
