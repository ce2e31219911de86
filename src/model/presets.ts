/**
 * What is known of mail systems that many have: `preset` in a server profile fills with it what the profile leaves out. Only what the operators
 * publish stands here, and only of systems that this version can really connect to (docs/mail-systems).
 */

/** One direction of a preset, in the words of the configuration. Without `host` every installation has its own. */
export interface PresetEndpoint {
  readonly host?: string;
  readonly port: number;
  readonly security: "tls" | "starttls";
}

export interface Preset {
  /** What the mail system is called. */
  readonly title: string;
  readonly incoming: PresetEndpoint;
  readonly outgoing: PresetEndpoint;
  /** Fields of the server profile. */
  readonly profile: {
    readonly filesSentCopy?: boolean;
    readonly maximumMessageMegabytes?: number;
  };
  /** Below docs/mail-systems; null where the preset says all there is to say. */
  readonly page: string | null;
}

export const PRESETS = {
  domino: {
    title: "HCL Domino (Notes)",
    incoming: { port: 993, security: "tls" },
    outgoing: { port: 465, security: "tls" },
    profile: {},
    page: "domino.md",
  },
  exchange: {
    title: "Microsoft Exchange Server",
    incoming: { port: 993, security: "tls" },
    // The receive connector "Client Frontend".
    outgoing: { port: 587, security: "starttls" },
    profile: {},
    page: "exchange-imap.md",
  },
  fastmail: {
    // https://www.fastmail.com/help/technical/servernamesandports.html
    title: "Fastmail",
    incoming: { host: "imap.fastmail.com", port: 993, security: "tls" },
    outgoing: { host: "smtp.fastmail.com", port: 465, security: "tls" },
    profile: {},
    page: "hosted.md",
  },
  gmail: {
    title: "Gmail and Google Workspace",
    incoming: { host: "imap.gmail.com", port: 993, security: "tls" },
    outgoing: { host: "smtp.gmail.com", port: 465, security: "tls" },
    // Gmail puts what it sends into Sent Mail by itself, and takes messages of up to 50 MB.
    profile: { filesSentCopy: true, maximumMessageMegabytes: 50 },
    page: "gmail.md",
  },
  icloud: {
    // https://support.apple.com/en-us/102525; there is no POP3.
    title: "iCloud Mail",
    incoming: { host: "imap.mail.me.com", port: 993, security: "tls" },
    outgoing: { host: "smtp.mail.me.com", port: 587, security: "starttls" },
    profile: {},
    page: "hosted.md",
  },
  microsoft365: {
    title: "Microsoft 365",
    incoming: { host: "outlook.office365.com", port: 993, security: "tls" },
    outgoing: { host: "smtp.office365.com", port: 587, security: "starttls" },
    // MessageCopyForSMTPClientSubmissionEnabled is on in a mailbox unless its administrator turned it off.
    profile: { filesSentCopy: true },
    page: "microsoft-365.md",
  },
  yahoo: {
    // https://help.yahoo.com/kb/SLN4075.html
    title: "Yahoo Mail",
    incoming: { host: "imap.mail.yahoo.com", port: 993, security: "tls" },
    outgoing: { host: "smtp.mail.yahoo.com", port: 465, security: "tls" },
    profile: {},
    page: "hosted.md",
  },
  zimbra: {
    title: "Zimbra",
    incoming: { port: 993, security: "tls" },
    outgoing: { port: 587, security: "starttls" },
    profile: {},
    page: "zimbra.md",
  },
} as const satisfies Readonly<Record<string, Preset>>;

export type PresetName = keyof typeof PRESETS;

export const PRESET_NAMES = Object.keys(PRESETS) as [PresetName, ...PresetName[]];

/** The preset of that name, with the optional fields that its entry leaves out. */
export function presetOf(name: PresetName): Preset {
  return PRESETS[name];
}

export function isPresetName(name: unknown): name is PresetName {
  return typeof name === "string" && Object.hasOwn(PRESETS, name);
}

/** A configuration file before it is judged, with what the presets of its server profiles know. */
export function withPresets(file: unknown): unknown {
  if (!isRecord(file) || !Array.isArray(file.serverProfiles)) return file;
  return { ...file, serverProfiles: file.serverProfiles.map(withPreset) };
}

/**
 * A server profile as the file gives it, with what its preset knows where the file says nothing; what the file says wins. Both directions
 * are there afterwards where the preset names their hosts, else those that the file names. Anything that is no profile with a preset comes
 * back as it is, for the schema to judge.
 */
export function withPreset(profile: unknown): unknown {
  if (!isRecord(profile) || !isPresetName(profile.preset)) return profile;
  const preset = presetOf(profile.preset);
  return {
    ...preset.profile,
    ...profile,
    ...filled("incoming", "imap", profile.incoming, preset.incoming),
    ...filled("outgoing", "smtp", profile.outgoing, preset.outgoing),
  };
}

/** Presets know the servers for `protocol` only; a direction that speaks another one stays as it is. */
function filled(direction: string, protocol: string, given: unknown, known: PresetEndpoint): Record<string, unknown> {
  if (given === undefined) return known.host === undefined ? {} : { [direction]: { ...known } };
  if (!isRecord(given) || (given.protocol ?? protocol) !== protocol) return {};
  // A port belongs to a protection, and the other way round: who names one of them means its own usual partner, not the preset's.
  const { port, security, ...rest } = known;
  const pair = given.port === undefined && given.security === undefined ? { port, security } : {};
  return { [direction]: { ...rest, ...pair, ...given } };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
