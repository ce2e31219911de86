// The package has no types of its own.
declare module "@ewsjs/ntlm-client" {
  export interface Type2Message {
    readonly challenge: Buffer;
  }
  const client: {
    createType1Message(workstation?: string, target?: string): string;
    decodeType2Message(header: string): Type2Message;
    createType3Message(question: Type2Message, username: string, password: string, workstation?: string, target?: string): string;
  };
  export default client;
}

declare module "@ewsjs/ntlm-client/lib/hash.js" {
  /** MD4 of the password in UTF-16 (MS-NLMP 3.3.1). */
  export function createNTLMHash(password: string): Buffer;
}
