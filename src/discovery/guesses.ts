import { STANDARD_PORTS } from "./domain.ts";
import type { MailProtocol, Settings } from "./found.ts";

/** Names that mail servers usually have below their domain. */
const USUAL: readonly {
  readonly protocol: MailProtocol;
  readonly names: readonly string[];
  readonly securities: readonly ("tls" | "starttls")[];
}[] = [
  { protocol: "imap", names: ["imap", "mail"], securities: ["tls", "starttls"] },
  { protocol: "pop3", names: ["pop", "mail"], securities: ["tls"] },
  { protocol: "smtp", names: ["smtp", "mail"], securities: ["tls", "starttls"] },
];

/** Where a server of the domain would be if it were where most are. Nothing is to be believed of it before one answers there. */
export function guesses(domain: string): readonly Settings[] {
  return USUAL.flatMap(({ protocol, names, securities }) =>
    securities.flatMap((security) =>
      names.map((name) => ({
        protocol,
        host: `${name}.${domain}`,
        port: STANDARD_PORTS[protocol][security],
        security,
        username: null,
        signIn: [],
      })),
    ),
  );
}
