declare module "@ewsjs/ntlm-client/lib/hash.js" {
  /** MD4 of the password in UTF-16 (MS-NLMP 3.3.1). */
  export function createNTLMHash(password: string): Buffer;
}
