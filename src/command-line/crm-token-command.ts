import { type Command, InvalidArgumentError, Option } from "commander";
import type { AccessToken } from "../crm/webapi/access-tokens.ts";
import { type IssuedToken, MOST_TOKEN_DAYS, TOKEN_DAYS } from "../engine/operations/crm-tokens.ts";
import type { Surroundings } from "./by-hand-commands.ts";
import { EXIT } from "./exit-codes.ts";
import type { Json } from "./json.ts";
import { moment, printable } from "./print.ts";

interface Options {
  readonly name: string;
  readonly days: number;
  readonly revoke?: boolean;
}

/** Adds the command that makes, lists and revokes access tokens for the embedded CRM's Web API (docs/crm/web-api.md). */
export function addCrmTokenCommand(program: Command, { withDoor, print, actor }: Surroundings): void {
  program
    .command("crm-token")
    .description("make an access token for the embedded CRM's Web API, shown this once; without a user list those that there are")
    .argument("[user]", "email of the user whom it stands for")
    .option("--name <name>", "tells the user's tokens apart; one of the same name is replaced", "default")
    .addOption(new Option("--days <days>", "how long it opens the Web API").argParser(parseDays).default(TOKEN_DAYS))
    .option("--revoke", "revoke the user's token of that name instead")
    .action((user: string | undefined, { name, days, revoke = false }: Options) =>
      withDoor(async (door) => {
        if (user === undefined) {
          const tokens = await door.call("crmTokenList");
          print(tokens, tokenLines(tokens));
        } else if (revoke) {
          const result = await door.call("crmTokenRevoke", user, name, actor());
          print(result, [printable(`The token "${result.revoked}" of ${user} opens nothing any more.`)]);
        } else {
          const result = await door.call("crmTokenIssue", user, { name, days }, actor());
          print(result, issuedLines(result));
        }
        return EXIT.ok;
      }),
    );
}

function issuedLines({ token, user, name, expiresOn }: Json<IssuedToken>): string[] {
  return [
    token,
    printable(`This is the token "${name}" of ${user} until ${moment(expiresOn)}. It is shown this once; whoever has it acts as ${user}.`),
  ];
}

function tokenLines(tokens: readonly Json<AccessToken>[]): string[] {
  if (tokens.length === 0) return ["There are no tokens."];
  return tokens.map(({ user, name, expiresOn, revokedOn, usedOn, createdBy }) => {
    const state = revokedOn === null ? `until ${moment(expiresOn)}` : `revoked ${moment(revokedOn)}`;
    const used = usedOn === null ? "never used" : `last used ${moment(usedOn)}`;
    return printable(`${user}  "${name}"  ${state}, ${used}, made by ${createdBy}`);
  });
}

function parseDays(text: string): number {
  const days = Number(text);
  if (!/^\d{1,4}$/.test(text) || days < 1 || days > MOST_TOKEN_DAYS)
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${MOST_TOKEN_DAYS}.`);
  return days;
}
