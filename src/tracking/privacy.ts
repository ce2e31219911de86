import type { MessageHead } from "../model/message.ts";

const PRIVATE = /personal|private|confidential/i;

/** Whether the sender marked the message as private, personal or confidential (RFC 2156 5.3.4): of such mail that is no email nothing is told. */
export function isPrivate({ headers }: MessageHead): boolean {
  return headers.some(([name, value]) => name === "sensitivity" && PRIVATE.test(value));
}
