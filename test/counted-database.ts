import type { Database } from "../src/database/database.ts";

/** Counts the statements of a database, those that begin and end a transaction included. */
export function counted(database: Database): { readonly database: Database; statements: number } {
  const count = { database, statements: 0 };
  const counting: Database = {
    engine: database.engine,
    presence: database.presence,
    query(text, values) {
      count.statements += 1;
      return database.query(text, values);
    },
    script: (text) => database.script(text),
    makeDurable: () => database.makeDurable(),
    transaction: (work, name) => {
      count.statements += 2;
      const countedWork: typeof work = (tx) =>
        work({
          open: tx.open,
          query(text, values) {
            count.statements += 1;
            return tx.query(text, values);
          },
        });
      return database.transaction(countedWork, name);
    },
    listen: (channel, onNotify, onResume) => database.listen(channel, onNotify, onResume),
    close: () => database.close(),
    [Symbol.asyncDispose]: () => database.close(),
  };
  return Object.assign(count, { database: counting });
}
