/** One function for each published method: asks a place and says what it answered. Reaches the world only by what it is given. */
import { Failure } from "../model/failure.ts";
import { presetOf } from "../model/presets.ts";
import { autoconfigPlaces, ispdbPlace, readAutoconfig } from "./autoconfig.ts";
import { type AutodiscoverDocument, autodiscoverPlaces, autodiscoverRequest, autodiscoverUrl, readAutodiscover } from "./autodiscover.ts";
import { type Exchange, fetchDocument } from "./document.ts";
import { hostName, isSameOwner, isWithin, operatorDomains } from "./domain.ts";
import type { Answer, Evidence, Method, Note, Probe, Settings } from "./found.ts";
import { type Hoster, hosterOf, isMailFilter } from "./hosters.ts";
import { inOrder, MAIL_SERVICES, type SrvRecord, srvAnswer } from "./srv.ts";
import { DocumentRefused, digestName, readUserAgentConfiguration, userAgentConfigurationPlace } from "./user-agent-configuration.ts";
import { XmlRefused } from "./xml.ts";

/** All that discovery reaches of the world. Each throws Failure for trouble; a name without such records gives none. */
export interface World {
  srv(name: string): Promise<readonly SrvRecord[]>;
  /** Host names of the mail exchangers, the preferred first. */
  mx(name: string): Promise<readonly string[]>;
  /** Each record as its strings. */
  txt(name: string): Promise<readonly (readonly string[])[]>;
  readonly exchange: Exchange;
  /** Connects, looks at the certificate and what is offered, and goes away without signing in. Throws nothing but faults. */
  probe(settings: Settings): Promise<Probe>;
}

/** Whom the question is about. */
export interface Subject {
  readonly address: string;
  readonly domain: string;
}

/** A question to one place, by itself: what goes wrong with it concerns no other. */
export interface Step {
  readonly method: Method;
  readonly place: string;
  ask(world: World, signal: AbortSignal): Promise<Answer>;
}

const NOTHING: Answer = { settings: [], notes: [] };

export function srvSteps({ domain }: Subject): readonly Step[] {
  return MAIL_SERVICES.map((service) => {
    const place = `${service.label}.${domain}`;
    return { method: "DNS SRV", place, ask: async (world) => srvAnswer(domain, service, await world.srv(place)) };
  });
}

/** The domain's own autoconfig. */
export function autoconfigSteps(subject: Subject): readonly Step[] {
  const [told = "", wellKnown = ""] = autoconfigPlaces(subject.domain, subject.address);
  return [told, wellKnown].map((place) => autoconfigStep(subject, "autoconfig", place, subject.domain, true, []));
}

export function ispdbStep(subject: Subject): Step {
  const doubt = "Mozilla's database of providers says so, not the domain itself.";
  return autoconfigStep(subject, "ISPDB", ispdbPlace(subject.domain), "thunderbird.net", false, [doubt]);
}

function autoconfigStep(
  { address }: Subject,
  method: Method,
  place: string,
  owner: string,
  mayBePrivate: boolean,
  known: readonly string[],
): Step {
  return {
    method,
    place,
    ask: async ({ exchange }, signal) => {
      const fetched = await fetchDocument(exchange, { url: place, body: null, mayBePrivate, signal }, owner);
      if (fetched.status !== 200) return { settings: [], notes: [statusNote(method, place, fetched.status)] };
      const { settings, otherProtocols } = readAutoconfig(fetched.body.toString("utf8"), address);
      const evidence = evidenceOf(method, fetched.place, [...known, ...fetched.doubts]);
      const others = `It also names ${otherProtocols.join(", ")}, which Waypost does not speak.`;
      return {
        settings: settings.map((one) => ({ settings: one, evidence })),
        notes: [
          ...(settings.length === 0 ? [note(method, place, "nothing", "It names no server for IMAP, POP3 or SMTP.")] : []),
          ...(otherProtocols.length > 0 ? [note(method, place, "hint", others)] : []),
        ],
      };
    },
  };
}

export function userAgentConfigurationStep({ domain }: Subject): Step {
  const method = "user agent configuration";
  const place = userAgentConfigurationPlace(domain);
  return {
    method,
    place,
    ask: async (world, signal) => {
      const fetched = await fetchDocument(world.exchange, { url: place, body: null, mayBePrivate: true, signal }, domain);
      if (fetched.status !== 200) return { settings: [], notes: [statusNote(method, place, fetched.status)] };
      const settings = readUserAgentConfiguration(fetched.body, await world.txt(digestName(domain)));
      const evidence = evidenceOf(method, fetched.place, fetched.doubts);
      return { settings: settings.map((one) => ({ settings: one, evidence })), notes: [] };
    },
  };
}

export function autodiscoverSteps(subject: Subject): readonly Step[] {
  const name = `_autodiscover._tcp.${subject.domain}`;
  return [
    ...autodiscoverPlaces(subject.domain).map((place) => autodiscoverStep(subject, place, true, [])),
    {
      method: "Autodiscover",
      place: name,
      ask: async (world, signal) => {
        const host = hostName(inOrder(await world.srv(name))[0]?.name ?? "");
        if (host === null) return NOTHING;
        const own = isWithin(host, subject.domain);
        const doubt = `DNS alone says that ${host} knows the settings of ${subject.domain}.`;
        return await autodiscoverStep(subject, autodiscoverUrl(host), own, own ? [] : [doubt]).ask(world, signal);
      },
    },
  ];
}

function autodiscoverStep({ address, domain }: Subject, place: string, mayBePrivate: boolean, known: readonly string[]): Step {
  const method = "Autodiscover";
  const read = (body: Buffer) => readAutodiscover(body.toString("utf8"), address);
  return {
    method,
    place,
    ask: async ({ exchange }, signal) => {
      const request = { url: place, body: autodiscoverRequest(address), mayBePrivate, signal };
      const fetched = await fetchDocument(exchange, request, domain, (body) => {
        const document = read(body);
        return document.kind === "redirect" ? document.url : null;
      });
      if (fetched.status === 401) return { settings: [], notes: [note(method, fetched.place, "hint", WANTS_SIGN_IN)] };
      if (fetched.status !== 200) return { settings: [], notes: [statusNote(method, place, fetched.status)] };
      return autodiscoverAnswer(read(fetched.body), evidenceOf(method, fetched.place, [...known, ...fetched.doubts]));
    },
  };
}

const WANTS_SIGN_IN =
  "It wants a sign-in before it says more, as Exchange does; nothing was sent. docs/mail-systems/exchange-imap.md says what to set there.";

function autodiscoverAnswer(document: AutodiscoverDocument, evidence: Evidence): Answer {
  const { method, place } = evidence;
  const told = (outcome: Note["outcome"], message: string): Answer => ({ settings: [], notes: [note(method, place, outcome, message)] });
  if (document.kind === "error") return told("nothing", `It answers: ${document.message.slice(0, 200)}`);
  if (document.kind === "other address")
    return told("hint", `It says that the mailbox goes by ${document.address.slice(0, 200)}; ask for that one.`);
  if (document.kind === "redirect") return told("failed", "It leads nowhere.");
  const isExchange = "It names an Exchange server; docs/mail-systems/exchange-imap.md says what to set there.";
  return {
    settings: document.settings.map((settings) => ({ settings, evidence })),
    notes: document.isExchange ? [note(method, place, "hint", isExchange)] : [],
  };
}

/** What the mail exchangers tell: a known hoster, or the operator's own autoconfig. */
export function exchangerStep(subject: Subject): Step {
  const { domain } = subject;
  const method = "known hoster";
  return {
    method,
    place: `MX ${domain}`,
    ask: async (world, signal) => {
      const exchangers = (await world.mx(domain)).map((host) => hostName(host)).filter((host) => host !== null);
      const [first] = exchangers;
      if (first === undefined) return { settings: [], notes: [note(method, `MX ${domain}`, "hint", `${domain} has no mail exchanger.`)] };
      const hoster = hosterOf(exchangers);
      if (hoster !== null) return hosterAnswer(hoster, first);
      if (isMailFilter(exchangers)) {
        const filter = `Mail for ${domain} passes through the filter ${first}, which does not tell where the mailboxes are.`;
        return { settings: [], notes: [note(method, `MX ${first}`, "hint", filter)] };
      }
      return await operatorAnswer(subject, first, world, signal);
    },
  };
}

function hosterAnswer({ title, preset, signIn = [] }: Hoster, exchanger: string): Answer {
  const place = `MX ${exchanger}`;
  const { incoming, outgoing, page } = presetOf(preset);
  const more = page === null ? "" : ` docs/mail-systems/${page} says what to set there.`;
  const notes = [note("known hoster", place, "hint", `Mail for the domain goes to ${title}.${more}`)];
  const doubt = `Mail for the domain goes to ${title}; that the mailboxes lie there is likely, but nobody says so.`;
  const evidence: Evidence = { method: "known hoster", place, trust: "to be confirmed", doubts: [doubt] };
  const settings = [
    { ...incoming, protocol: "imap" as const },
    { ...outgoing, protocol: "smtp" as const },
  ].flatMap(({ host, ...rest }) => (host === undefined ? [] : [{ settings: { ...rest, host, username: null, signIn }, evidence }]));
  return { settings, notes };
}

async function operatorAnswer(subject: Subject, exchanger: string, world: World, signal: AbortSignal): Promise<Answer> {
  const method = "autoconfig of the mail exchanger";
  const doubt = `DNS alone says that ${exchanger} takes the mail of ${subject.domain}; make sure that it belongs to your provider.`;
  const domains = operatorDomains(exchanger).filter((one) => one !== subject.domain && !isSameOwner(one, subject.domain));
  const places = domains.map((one) => ({ domain: one, place: autoconfigPlaces(one, subject.address)[0] ?? "" }));
  const steps = places.map(({ domain, place }) => autoconfigStep(subject, method, place, domain, false, [doubt]));
  const answers = await Promise.all(steps.map((step) => answered(step, world, signal)));
  return { settings: answers.flatMap(({ settings }) => settings), notes: answers.flatMap(({ notes }) => notes) };
}

/** The evidence of a document: published by the domain, unless there are doubts. */
function evidenceOf(method: Method, place: string, doubts: readonly string[]): Evidence {
  return { method, place, trust: doubts.length === 0 ? "published" : "to be confirmed", doubts };
}

function statusNote(method: Method, place: string, status: number): Note {
  const missing = status === 404 || status === 410;
  return missing
    ? note(method, place, "nothing", "There is nothing there.")
    : note(method, place, "failed", `It answers with HTTP status ${status}.`);
}

function note(method: Method, place: string, outcome: Note["outcome"], message: string): Note {
  return { method, place, outcome, message };
}

/** The step's answer; its own trouble becomes a note, and only a fault of this program is thrown. */
export async function answered(step: Step, world: World, signal: AbortSignal): Promise<Answer> {
  const { method, place } = step;
  const told = (outcome: Note["outcome"], message: string): Answer => ({ settings: [], notes: [note(method, place, outcome, message)] });
  try {
    return await step.ask(world, signal);
  } catch (error) {
    if (error instanceof XmlRefused || error instanceof DocumentRefused)
      return told("failed", `What stands there is not used: ${error.message}.`);
    if (!(error instanceof Failure)) throw error;
    return error.code === "host unknown" ? told("nothing", "There is no such host.") : told("failed", error.message);
  }
}
