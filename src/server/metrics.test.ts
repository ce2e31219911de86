import assert from "node:assert/strict";
import { test } from "node:test";
import { createMetrics } from "./metrics.ts";

const STANDING = {
  pendingEmails: 4,
  unknownEmails: 1,
  quarantined: 2,
  openAlerts: 3,
  mailboxes: [{ direction: "receive", state: "failing", count: 5 }],
  connections: [{ profile: "mail", limit: 10, working: 2, watching: 3, waiting: 4 }],
  jobs: [{ queue: "receive", state: "waiting", count: 6 }],
} as const;

test("what the engine counts and measures stands in the text, by label", async () => {
  const metrics = createMetrics();
  metrics.measure.count("messages_decided", { outcome: "tracked" }, 3);
  metrics.measure.count("messages_decided", { outcome: "tracked" });
  metrics.measure.count("failures", { direction: "send", code: "host unknown" });
  metrics.measure.observe("arrival_to_email_seconds", {}, 1.5);
  metrics.measure.observe("job_seconds", { work: "receive" }, 0.2);
  const lines = (await metrics.text(null)).split("\n");
  for (const line of [
    'waypost_messages_decided_total{outcome="tracked"} 4',
    'waypost_failures_total{direction="send",code="host unknown"} 1',
    'waypost_arrival_to_email_seconds_bucket{le="1"} 0',
    'waypost_arrival_to_email_seconds_bucket{le="2"} 1',
    'waypost_job_seconds_count{work="receive"} 1',
  ]) {
    assert.ok(lines.includes(line), line);
  }
});

test("gauges show how things stand at the moment of asking, and nothing when nobody knows", async () => {
  const metrics = createMetrics();
  const known = (await metrics.text(STANDING)).split("\n");
  for (const line of [
    "waypost_pending_emails 4",
    "waypost_unknown_emails 1",
    "waypost_quarantined_messages 2",
    "waypost_open_alerts 3",
    'waypost_mailboxes{direction="receive",state="failing"} 5',
    'waypost_jobs{queue="receive",state="waiting"} 6',
    'waypost_connections{profile="mail",use="work"} 2',
    'waypost_connections{profile="mail",use="watch"} 3',
    'waypost_connections_limit{profile="mail"} 10',
    'waypost_connections_waiting{profile="mail"} 4',
  ]) {
    assert.ok(known.includes(line), line);
  }
  assert.doesNotMatch(await metrics.text({ ...STANDING, mailboxes: [] }), /^waypost_mailboxes\{/m);
  assert.doesNotMatch(await metrics.text(null), /^waypost_(?:pending_emails|open_alerts|mailboxes|jobs)\b/m);
});

test("two services in one process count apart", async () => {
  const [one, other] = [createMetrics(), createMetrics()];
  one.measure.count("emails_sent", { outcome: "sent" });
  assert.doesNotMatch(await other.text(null), /waypost_emails_sent_total\{/);
});
