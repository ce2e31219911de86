/**
 * What the refusal of a message means for the set-up of a mailbox, and what to do. RFC 3463 names the reasons in the enhanced status code; where
 * servers give only X.7.1 (policy) or none, their words decide. Pure.
 */
export interface Refusal {
  /** Stable word of the cause. */
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

interface Cause {
  readonly code: string;
  readonly enhanced?: RegExp;
  readonly text?: RegExp;
  readonly message: (address: string) => string;
  readonly remedy: (address: string) => string;
}

/** First match wins: words that name the cause come before the codes that only name its class. */
const CAUSES: readonly Cause[] = [
  {
    code: "sender domain unknown",
    enhanced: /^[45]\.1\.8$/,
    message: (address) => `The outgoing server finds no domain ${address.slice(address.lastIndexOf("@") + 1)} that mail could come from.`,
    remedy: (address) => `Check the domain of ${address} in the configuration, and that the outgoing server's name servers know it.`,
  },
  {
    code: "sender not permitted",
    text: /sender address rejected|not owned by|send ?as|sender.*not (allowed|permitted|authori[sz]ed)|5\.7\.60/i,
    message: (address) => `The outgoing server does not let the user that signed in send as ${address}.`,
    remedy: (address) => `Give that user the right to send as ${address}, or enter the user name to which the address belongs.`,
  },
  {
    code: "relaying denied",
    text: /relay(ing)? (access )?(denied|prohibited|not permitted)|unable to relay|not permitted to relay|we do not relay/i,
    message: (address) =>
      `The outgoing server does not take mail to ${address}: it neither holds the mailbox nor passes mail on for this machine.`,
    remedy: () =>
      "Choose a sign-in method in the server profile, or have this machine allowed to relay; check that it is the right server.",
  },
  {
    code: "put off",
    text: /greylist|greylisted|try again (later|in)|please retry|temporarily deferred/i,
    message: (address) => `The outgoing server puts the message to ${address} off, as greylisting does.`,
    remedy: () => "Run the check again in some minutes. If it lasts, have this machine or user taken out of the greylisting.",
  },
  {
    code: "mailbox full",
    enhanced: /^[45]\.2\.2$/,
    message: (address) => `The mailbox ${address} takes no more mail: it is full.`,
    remedy: () => "Make room in the mailbox or raise its quota; until then everybody's mail to it is refused.",
  },
  {
    code: "message too large",
    enhanced: /^[45]\.(2\.3|3\.4)$/,
    message: () => "The outgoing server refuses even a message of some hundred bytes for its size.",
    remedy: () => "Raise the largest message that the outgoing server takes; attachments need megabytes.",
  },
  {
    code: "message too large",
    text: /bytes and .* takes at most \d+\.$/,
    message: () => "The outgoing server refuses even a message of some hundred bytes for its size.",
    remedy: () => "Raise the largest message that the outgoing server takes; attachments need megabytes.",
  },
  {
    code: "address unknown",
    enhanced: /^[45]\.1\.(1|2|6|10)$/,
    message: (address) => `The outgoing server knows no mailbox ${address}.`,
    remedy: (address) => `Check the spelling of ${address} in the configuration, and that the mailbox exists.`,
  },
  {
    code: "address unknown",
    text: /user unknown|no such (user|mailbox)|unknown (user|recipient)|recipient.*(not found|rejected: user)/i,
    message: (address) => `The outgoing server knows no mailbox ${address}.`,
    remedy: (address) => `Check the spelling of ${address} in the configuration, and that the mailbox exists.`,
  },
  {
    code: "mailbox disabled",
    enhanced: /^[45]\.2\.1$/,
    message: (address) => `The mailbox ${address} is switched off at the server and takes no mail.`,
    remedy: (address) => `Have ${address} switched on again by the mail administrator.`,
  },
  {
    code: "content refused",
    enhanced: /^[45]\.(6\.\d+|7\.\d+)$/,
    message: (address) => `The outgoing server refuses a plain message from ${address} to itself by its policy or spam filter.`,
    remedy: () => "Ask the mail administrator which rule refused it; the server's log names it.",
  },
];

/** Whether it is the detail (RFC 5233) or the mailbox that is not known, only the server can tell. */
function detailUnknown(address: string): Refusal {
  return {
    code: "detail address unknown",
    message: `The outgoing server does not take mail to ${address}; it may know the mailbox without the detail behind the "+".`,
    remedy: `Have detail addresses switched on at the server (a recipient delimiter "+"), or enter the address as ${address.replace(/\+[^@]*/, "")}.`,
  };
}

/** @param response the server's reply, as a Submission has it */
export function refusalOf(response: string, address: string): Refusal {
  const enhanced = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1] ?? "";
  const cause = CAUSES.find((one) => (one.enhanced?.test(enhanced) ?? true) && (one.text?.test(response) ?? true));
  if (cause?.code === "address unknown" && /^[^@]*\+/.test(address)) return detailUnknown(address);
  if (cause) return { code: cause.code, message: cause.message(address), remedy: cause.remedy(address) };
  if (/^4/.test(response))
    return {
      code: "not now",
      message: `The outgoing server does not take a message from ${address} to itself at the moment.`,
      remedy: "Run the check again in some minutes; look into the server's log if it lasts.",
    };
  return {
    code: "message refused",
    message: `The outgoing server refuses a message from ${address} to itself.`,
    remedy: "The server's words say why; ask the mail administrator where they do not.",
  };
}
