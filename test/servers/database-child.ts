/** Run by database.test.ts and queue.test.ts as another process: `database-child.ts <what> <folder or URL>`. */
import { setTimeout as sleep } from "node:timers/promises";
import { openDatabase } from "../../src/database/open.ts";
import { startQueue } from "../../src/jobs/queue.ts";

const [what, where = ""] = process.argv.slice(2);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const database = await openDatabase(where.includes("://") ? { url: where } : { folder: where });
say(`open ${database.presence.instanceId}`);

switch (what) {
  case "open":
    await database.close();
    break;
  case "hold":
    await sleep(600_000);
    break;
  case "write":
    // Speaks only of what the database has acknowledged.
    for (let n = 1; ; n += 1) {
      await database.query("insert into written values ($1)", [n]);
      say(`written ${n}`);
    }
  case "work": {
    const queue = await startQueue(database, { report: (error) => say(`report ${String(error)}`) });
    queue.work("receive", { concurrency: 4 }, async (key) => {
      const { rows } = await database.query("insert into run (key, pid, started) values ($1, $2, clock_timestamp()) returning id", [
        key,
        process.pid,
      ]);
      say(`run ${key}`);
      await sleep(key === "stuck" ? 600_000 : Math.random() * 20);
      await database.query("update run set ended = clock_timestamp() where id = $1", [rows[0]?.id]);
    });
    say("working");
    await sleep(600_000);
  }
}
