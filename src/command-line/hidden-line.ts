import type { Readable, Writable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { Failure } from "../model/failure.ts";

/** A terminal: what is typed comes key by key and is shown nowhere while it is raw. */
export interface Terminal {
  readonly input: Readable & { readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown };
  readonly output: Writable;
}

const LONGEST = 4096;
/** Enter, and what ends a text on Unix. */
const ENTER: readonly string[] = ["\r", "\n", "\u0004"];
const INTERRUPT = "\u0003";
const BACKSPACE: readonly string[] = ["\u0008", "\u007f"];

/**
 * Asks for one line that is not shown while it is typed. Empty where only Enter was pressed.
 * @throws Failure `interrupted` on Ctrl+C; `no terminal` where nobody can type anything
 */
export async function askHidden(question: string, { input, output }: Terminal): Promise<string> {
  const { isTTY, setRawMode } = input;
  if (isTTY !== true || setRawMode === undefined)
    throw failure(
      "no terminal",
      "Passwords can be asked for on a terminal only.",
      "Run the command on a terminal, or write the files yourself.",
    );
  output.write(question);
  setRawMode.call(input, true);
  try {
    return await typed(input);
  } finally {
    setRawMode.call(input, false);
    input.pause();
    output.write("\n");
  }
}

function typed(input: Readable): Promise<string> {
  const decoder = new StringDecoder("utf8");
  let line: string[] = [];
  return new Promise((resolve, reject) => {
    const end = (settle: () => void) => {
      input.off("data", take).off("end", ended);
      settle();
    };
    const ended = () => end(() => resolve(line.join("")));
    const take = (bytes: Buffer | string) => {
      for (const key of typeof bytes === "string" ? bytes : decoder.write(bytes)) {
        if (key === INTERRUPT)
          return end(() => reject(failure("interrupted", "You interrupted the command.", "Run it again: what was written stays.")));
        if (ENTER.includes(key)) return ended();
        if (BACKSPACE.includes(key)) line = line.slice(0, -1);
        else if (line.length < LONGEST) line.push(key);
      }
    };
    input.on("data", take).once("end", ended).resume();
  });
}

function failure(code: string, message: string, remedy: string): Failure {
  return new Failure({ scope: "process", code, message, remedy, waitingHelps: false });
}
