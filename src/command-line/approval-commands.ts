import type { Command } from "commander";
import type { Surroundings } from "./by-hand-commands.ts";
import { EXIT } from "./exit-codes.ts";
import { printable } from "./print.ts";

const VERDICTS = {
  approve: "say that the address of a mailbox belongs to its user or queue, so that it is read and sent from",
  reject: "say that it does not, so that it is left alone",
} as const;

/** Adds the commands by which an administrator says whose the address of a mailbox is (docs/check.md). */
export function addApprovalCommands(program: Command, { withDoor, print, actor }: Surroundings): void {
  for (const verdict of ["approve", "reject"] as const) {
    program
      .command(verdict)
      .description(VERDICTS[verdict])
      .argument("<address>")
      .action((address: string) =>
        withDoor(async (door) => {
          const result = await door.call("approve", address, verdict, actor());
          print(result, [`${printable(result.mailbox)} is ${result.approval}.`]);
          return EXIT.ok;
        }),
      );
  }
}
