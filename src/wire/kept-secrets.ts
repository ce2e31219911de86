import { Failure } from "../model/failure.ts";
import { isSameSecret, type Secret } from "../model/mailbox.ts";
import { secretForms, withoutSecrets } from "./without-secrets.ts";

/** A mailbox and what it signs in with, as the ports have it. */
interface Access {
  readonly address: string;
  readonly credentials: { current(): Promise<Secret>; refresh(): Promise<Secret> };
}

/** Secrets remembered of one mailbox: the one in use, the renewed one, and one that was changed meanwhile; older ones open nothing. */
const REMEMBERED = 3;

/** Stands between a connector and a mailbox: remembers the secrets that were handed out, and takes them out of what is told of it. */
export class KeptSecrets<Mailbox extends Access = Access> {
  /** The mailbox whose secrets are kept. */
  readonly mailbox: Mailbox;
  #known: readonly Secret[] = [];

  constructor(mailbox: Mailbox) {
    const { credentials } = mailbox;
    this.mailbox = {
      ...mailbox,
      credentials: {
        current: async () => this.#remember(await credentials.current()),
        refresh: async () => this.#remember(await credentials.refresh()),
      },
    };
  }

  text(text: string): string {
    return withoutSecrets(text, this.#known.flatMap(secretForms));
  }

  /** A Failure that names no secret, nor does its cause; anything else is a fault of ours and stays what it is. */
  error(error: unknown): unknown {
    return error instanceof Failure ? this.#bare(error) : error;
  }

  /** A step of a check. */
  step<Step extends { readonly message: string; readonly serverSaid?: string | undefined }>(step: Step): Step {
    const { message, serverSaid } = step;
    return { ...step, message: this.text(message), ...(serverSaid === undefined ? {} : { serverSaid: this.text(serverSaid) }) };
  }

  #bare({ message, serverSaid, cause, scope, code, remedy, waitingHelps, notBefore, alertAfter, ofFolder, stack }: Failure): Failure {
    const bare = new Failure({
      ...{ scope, code, remedy, waitingHelps, notBefore, alertAfter },
      ofFolder: ofFolder && this.#bare(ofFolder),
      message: this.text(message),
      serverSaid: serverSaid === undefined ? undefined : this.text(serverSaid),
      cause: this.#causeOf(cause),
    });
    if (stack !== undefined) bare.stack = this.text(stack);
    return bare;
  }

  /** Libraries hang whole answers and commands on their errors: only the words and the place are kept. */
  #causeOf(cause: unknown): Error | undefined {
    if (!(cause instanceof Error)) return undefined;
    const bare = new Error(this.text(cause.message));
    bare.name = cause.name;
    if (cause.stack !== undefined) bare.stack = this.text(cause.stack);
    return bare;
  }

  #remember(secret: Secret): Secret {
    const others = this.#known.filter((one) => !isSameSecret(one, secret));
    this.#known = [secret, ...others].slice(0, REMEMBERED);
    return secret;
  }
}
