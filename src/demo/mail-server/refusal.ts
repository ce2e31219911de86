/** Response codes with which the store refuses (RFC 5530, RFC 9051 7.1); `null` where none fits. */
export type RefusalCode = "ALREADYEXISTS" | "CANNOT" | "HASCHILDREN" | "LIMIT" | "NONEXISTENT" | "OVERQUOTA" | "TOOBIG" | "TRYCREATE";

/** The store will not do what was asked. IMAP answers NO with the code, SMTP a reply per recipient. */
export class Refusal extends Error {
  readonly code: RefusalCode;

  constructor(code: RefusalCode, text: string) {
    super(text);
    this.name = "Refusal";
    this.code = code;
  }
}
