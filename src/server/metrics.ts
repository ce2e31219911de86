import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Measure } from "../engine/context.ts";
import type { Standing } from "./standing.ts";

/** What the process counts and measures, for Prometheus. */
export interface Metrics {
  /** Takes the counts and durations of the engine. */
  readonly measure: Measure;
  readonly contentType: string;
  /** The text format. `standing` sets the gauges; without it they are left out. */
  text(standing: Standing | null): Promise<string>;
}

/** From half a second, which push makes possible, to the day after an outage. */
const ARRIVAL_BUCKETS = [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600, 6 * 3600, 24 * 3600];
const JOB_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];

/** Metrics with a registry of their own, so that several services can live in one process. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const counters: Readonly<Record<Parameters<Measure["count"]>[0], Counter>> = {
    messages_decided: new Counter({
      name: "waypost_messages_decided_total",
      help: "Messages decided about, by outcome.",
      labelNames: ["outcome"],
      registers,
    }),
    emails_sent: new Counter({
      name: "waypost_emails_sent_total",
      help: "Sendings that ended, by outcome.",
      labelNames: ["outcome"],
      registers,
    }),
    failures: new Counter({
      name: "waypost_failures_total",
      help: "Failures of mailboxes and their servers, by direction and code.",
      labelNames: ["direction", "code"],
      registers,
    }),
  };
  const histograms: Readonly<Record<Parameters<Measure["observe"]>[0], Histogram>> = {
    arrival_to_email_seconds: new Histogram({
      name: "waypost_arrival_to_email_seconds",
      help: "From the server's received date of a message to the email in the CRM.",
      buckets: ARRIVAL_BUCKETS,
      registers,
    }),
    job_seconds: new Histogram({
      name: "waypost_job_seconds",
      help: "One run over a mailbox, by work.",
      labelNames: ["work"],
      buckets: JOB_BUCKETS,
      registers,
    }),
  };
  const showStanding = standingGauges(registry);
  return {
    measure: {
      count: (name, labels, amount = 1) => counters[name].inc(labels, amount),
      observe: (name, labels, value) => histograms[name].observe(labels, value),
    },
    contentType: registry.contentType,
    text(standing) {
      showStanding(standing);
      return registry.metrics();
    },
  };
}

function standingGauges(registry: Registry): (standing: Standing | null) => void {
  const registers = [registry];
  const gauge = (name: string, help: string, labelNames: readonly string[] = []) => new Gauge({ name, help, labelNames, registers });
  const pending = gauge("waypost_pending_emails", "Emails in Pending Send whose time has come.");
  const unknown = gauge("waypost_unknown_emails", "Emails of which nobody knows whether they left.");
  const quarantined = gauge("waypost_quarantined_messages", "Messages in quarantine.");
  const alerts = gauge("waypost_open_alerts", "Alerts that want a person.");
  const mailboxes = gauge("waypost_mailboxes", "Mailboxes, by direction and state.", ["direction", "state"]);
  const jobs = gauge("waypost_jobs", "Jobs of the queues, by queue and state.", ["queue", "state"]);
  const connections = gauge("waypost_connections", "Connections to mail servers, by server profile and use.", ["profile", "use"]);
  const limits = gauge("waypost_connections_limit", "Connections that a server profile allows.", ["profile"]);
  const waiting = gauge("waypost_connections_waiting", "Mailboxes that stand in line for a connection.", ["profile"]);
  return (standing) => {
    for (const one of [pending, unknown, quarantined, alerts, mailboxes, jobs, connections, limits, waiting]) one.reset();
    if (standing === null) {
      for (const one of [pending, unknown, quarantined, alerts]) one.remove();
      return;
    }
    pending.set(standing.pendingEmails);
    unknown.set(standing.unknownEmails);
    quarantined.set(standing.quarantined);
    alerts.set(standing.openAlerts);
    for (const { direction, state, count } of standing.mailboxes) mailboxes.set({ direction, state }, count);
    for (const one of standing.connections) {
      connections.set({ profile: one.profile, use: "work" }, one.working);
      connections.set({ profile: one.profile, use: "watch" }, one.watching);
      limits.set({ profile: one.profile }, one.limit);
      waiting.set({ profile: one.profile }, one.waiting);
    }
    for (const { queue, state, count } of standing.jobs) jobs.set({ queue, state }, count);
  };
}
