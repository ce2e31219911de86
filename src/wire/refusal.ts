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
  readonly message: (about: About) => string;
  readonly remedy: (about: About) => string;
}

interface About {
  readonly address: string;
  /** Whether somebody signed in to send. */
  readonly signedIn: boolean;
}

const ADDRESS_UNKNOWN = {
  code: "address unknown",
  message: ({ address }: About) => `The outgoing server knows no mailbox ${address}.`,
  remedy: ({ address }: About) => `Check the spelling of ${address} in the configuration, and that the mailbox exists.`,
};

const SENDER_BLOCKED = {
  code: "sender blocked",
  message: ({ address }: About) =>
    `The outgoing server has stopped all mail from ${address} or its organization, taking it for a source of spam.`,
  remedy: () =>
    "Have the mail administrator find out what was sent and lift the block (Microsoft 365: Restricted entities in the Defender portal).",
};

const BLOCKLISTED = {
  code: "listed in a blocklist",
  message: () => "The outgoing server takes no mail from the network address of this machine: a blocklist names it.",
  remedy: () =>
    "Have the address taken off the list that the server's words name, have this machine exempted there, or use the port for signed-in users (587).",
};

const DMARC_FAILED = {
  code: "DMARC failed",
  message: ({ address }: About) =>
    `The outgoing server does not take mail from ${address} for genuine: neither SPF nor DKIM bears its domain out (DMARC).`,
  remedy: ({ address }: About) =>
    `Send through the mail server of the domain of ${address}, or have that domain name this way of sending in SPF and sign with DKIM.`,
};

const SPF_FAILED = {
  code: "SPF failed",
  message: ({ address }: About) => `The domain of ${address} does not name this machine among those that may send its mail (SPF).`,
  remedy: () => "Have the network address of this machine added to the SPF record of the domain, or sign in at the domain's own server.",
};

const DKIM_FAILED = {
  code: "DKIM failed",
  message: ({ address }: About) => `The outgoing server misses a valid signature of the domain of ${address} (DKIM).`,
  remedy: () => "Have the outgoing server sign with DKIM, and the key published in the domain; Waypost does not sign itself.",
};

const REVERSE_NAME_MISSING = {
  code: "reverse name missing",
  message: () => "The outgoing server finds no name for the network address of this machine (reverse DNS).",
  remedy: () => "Have a PTR record set for this machine's address whose name leads back to it, or this machine exempted at the server.",
};

const PUT_OFF = {
  code: "put off",
  message: ({ address }: About) => `The outgoing server puts the message to ${address} off, as greylisting does.`,
  remedy: () => "Run the check again in some minutes. If it lasts, have this machine or user taken out of the greylisting.",
};

const CONTENT_REFUSED = {
  code: "content refused",
  message: ({ address }: About) => `The outgoing server refuses a plain message from ${address} to itself by its policy or spam filter.`,
  remedy: () => "Ask the mail administrator which rule refused it; the server's log names it.",
};

/** First match wins: words that name the cause come before the codes that only name its class. */
const CAUSES: readonly Cause[] = [
  // Exchange Online gives X.1.8 to a sender whom it has blocked, too.
  { ...SENDER_BLOCKED, text: /bad outbound sender|banned sender|spam abuse detected|tenant has exceeded threshold/i },
  {
    code: "sender domain unknown",
    enhanced: /^[45]\.1\.8$/,
    message: ({ address }) =>
      `The outgoing server finds no domain ${address.slice(address.lastIndexOf("@") + 1)} that mail could come from.`,
    remedy: ({ address }) => `Check the domain of ${address} in the configuration, and that the outgoing server's name servers know it.`,
  },
  // Exchange Online: 5.7.606 to 5.7.649 banned addresses, 5.7.708 an address without a good name.
  { ...BLOCKLISTED, enhanced: /^5\.7\.(6(0[6-9]|[1-4]\d)|708)$/ },
  {
    ...BLOCKLISTED,
    text: /block(ed)? ?list|black ?list|\b(dnsbl|rbl)\b|spamhaus|spamcop|blocked using|banned sending ip|(poor|bad|low) (ip )?reputation/i,
  },
  // RFC 7372: X.7.26 several checks failed, X.7.20 to 22 DKIM, X.7.23 and 24 SPF, X.7.25 reverse DNS. Words about DMARC speak of the others as well.
  { ...DMARC_FAILED, text: /\bdmarc\b/i },
  // Exchange Online: X.7.509 and X.7.515.
  { ...DMARC_FAILED, enhanced: /^[45]\.7\.(26|509|515)$/ },
  { ...SPF_FAILED, enhanced: /^[45]\.7\.2[34]$/ },
  { ...SPF_FAILED, text: /\bspf\b|sender policy framework/i },
  { ...DKIM_FAILED, enhanced: /^[45]\.7\.2[012]$/ },
  { ...DKIM_FAILED, text: /\bdkim\b/i },
  { ...REVERSE_NAME_MISSING, enhanced: /^[45]\.7\.25$/ },
  { ...REVERSE_NAME_MISSING, text: /reverse[ -](dns|lookup|hostname)|cannot find your (reverse )?hostname|\bptr\b|\brdns\b/i },
  {
    code: "HELO refused",
    text: /\b(helo|ehlo)\b.{0,40}(reject|refuse|invalid|denied)|(reject|bad|invalid|forged).{0,40}\b(helo|ehlo)\b/i,
    message: () => "The outgoing server does not take the name by which this machine greets it (HELO).",
    remedy: () => "Give this machine a full host name (with its domain) that the server's name servers know, or have the server exempt it.",
  },
  {
    code: "sign-in required",
    text: /not logged in|not authenticated|authentication (is )?required|must (first )?(be )?authenticate|must (log|sign) ?in/i,
    message: ({ address }) => `The outgoing server takes mail from ${address} only of a user who signed in.`,
    remedy: ({ address }) =>
      `Choose a sign-in method for outgoing mail in the server profile, and enter user name and password in the mailbox ${address}.`,
  },
  { ...PUT_OFF, text: /verification in progress/i },
  { ...ADDRESS_UNKNOWN, text: /address rejected:.*(user unknown|unknown user|undeliverable address)/i },
  {
    code: "address not verified",
    text: /address rejected: unverified|(callout|address|sender|recipient) verif(y|ication) failed|could not complete (sender|recipient) verify/i,
    message: ({ address }) => `The outgoing server asked elsewhere whether ${address} exists, and got no answer.`,
    remedy: ({ address }) =>
      `Check that the mail server of ${address} takes connections of the outgoing server; its words name the reason.`,
  },
  {
    code: "sender not permitted",
    text: /not owned by|send ?as|sender.*not (allowed|permitted|authori[sz]ed)|5\.7\.60\b/i,
    message: ({ address, signedIn }) =>
      signedIn
        ? `The outgoing server does not let the user that signed in send as ${address}.`
        : `The outgoing server does not let this machine send as ${address}; nobody signed in.`,
    remedy: ({ address, signedIn }) =>
      signedIn
        ? `Give that user the right to send as ${address}, or enter the user name to which the address belongs.`
        : `Choose a sign-in method in the server profile, or have this machine allowed to send as ${address}.`,
  },
  {
    code: "sender refused",
    text: /sender address rejected/i,
    message: ({ address }) => `The outgoing server has a rule against mail from ${address}.`,
    remedy: ({ address }) => `Ask the mail administrator which rule refuses ${address} as a sender (Postfix: check_sender_access).`,
  },
  {
    code: "relaying denied",
    text: /relay(ing)? (access )?(denied|prohibited|rejected|not permitted)|unable to relay|not permitted to relay|we do not relay|allowed rcpthosts/i,
    message: ({ address }) =>
      `The outgoing server does not take mail to ${address}: it neither holds the mailbox nor passes mail on for this machine.`,
    remedy: () =>
      "Choose a sign-in method in the server profile, or have this machine allowed to relay; check that it is the right server.",
  },
  {
    code: "client refused",
    text: /client host rejected/i,
    message: () => "The outgoing server has a rule against mail from this machine.",
    remedy: () => "Have this machine's address allowed at the server, or choose a sign-in method if the server wants one.",
  },
  {
    code: "throttled",
    text: /(daily|hourly|sending|recipient|message) (user )?(sending )?(limit|quota|rate)|submissionquota|rate.?limit|throttl|too many messages/i,
    message: ({ address }) => `The outgoing server takes no more mail from ${address} for now: too much was sent.`,
    remedy: () => "Wait until the limit counts anew, and have the sending limit raised if it comes often.",
  },
  { ...PUT_OFF, text: /greylist|greylisted|try again (later|in)|please retry|temporarily deferred/i },
  {
    code: "mailbox full",
    enhanced: /^[45]\.2\.2$/,
    message: ({ address }) => `The mailbox ${address} takes no more mail: it is full.`,
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
  { ...ADDRESS_UNKNOWN, enhanced: /^[45]\.1\.(1|2|6|10)$/ },
  // Exchange Online refuses so who is not in its directory.
  { ...ADDRESS_UNKNOWN, enhanced: /^5\.4\.1$/, text: /recipient address rejected: access denied/i },
  {
    ...ADDRESS_UNKNOWN,
    text: /user unknown|no such (user|mailbox)|unknown (user|recipient)|unrouteable address|recipient.*(not found|rejected: user)/i,
  },
  {
    code: "mailbox disabled",
    enhanced: /^[45]\.2\.1$/,
    message: ({ address }) => `The mailbox ${address} is switched off at the server and takes no mail.`,
    remedy: ({ address }) => `Have ${address} switched on again by the mail administrator.`,
  },
  {
    code: "virus found",
    text: /virus|malware/i,
    message: ({ address }) => `The outgoing server takes a plain message from ${address} to itself for malicious.`,
    remedy: () => "Ask the mail administrator for the report of the virus scanner: the message has no attachment.",
  },
  { ...CONTENT_REFUSED, text: /\b(spam|unsolicited|content)\b/i },
  { ...CONTENT_REFUSED, enhanced: /^[45]\.6\.\d+$/ },
  {
    code: "policy refused",
    enhanced: /^[45]\.7\.\d+$/,
    message: ({ address }) => `The outgoing server has a rule against a message from ${address} to itself, and does not say which.`,
    remedy: () => "Ask the mail administrator for the rule: the server's log names it.",
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

/** @param response the server's reply, as a Submission has it; @param signedIn whether somebody signed in to send */
export function refusalOf(response: string, address: string, signedIn: boolean): Refusal {
  const enhanced = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1] ?? "";
  // An address may be called like a cause ("spam@").
  const words = response.replaceAll(address, "");
  const cause = CAUSES.find((one) => (one.enhanced?.test(enhanced) ?? true) && (one.text?.test(words) ?? true));
  if (cause?.code === "address unknown" && /^[^@]*\+/.test(address)) return detailUnknown(address);
  const about = { address, signedIn };
  if (cause) return { code: cause.code, message: cause.message(about), remedy: cause.remedy(about) };
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
