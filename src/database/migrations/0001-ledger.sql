-- Waypost's own tables: what it has seen, decided, and means to do.
create schema waypost;

create table waypost.organization (
  name text primary key,
  kind text not null
);

create table waypost.server_profile (
  name text primary key,
  incoming jsonb,
  outgoing jsonb,
  folders text not null check (folders in ('inbox', 'personal')),
  files_sent_copy boolean not null,
  max_concurrent_connections int not null,
  maximum_message_size bigint not null,
  -- Back-off of each direction: one kind of trouble never spreads past its scope.
  receive_failures int not null default 0,
  receive_not_before timestamptz,
  send_failures int not null default 0,
  send_not_before timestamptz
);

create table waypost.mailbox (
  id uuid primary key,
  organization text not null references waypost.organization,
  address text not null,
  profile text not null references waypost.server_profile,
  owner_type text not null check (owner_type in ('systemuser', 'queue', 'forward')),
  owner_id uuid,
  username text not null,
  -- incomingemaildeliverymethod, outgoingemaildeliverymethod: 0 None, 2 Waypost, 3 Forward Mailbox (product-behaviour 3.3).
  incoming_method smallint not null,
  outgoing_method smallint not null,
  -- emailrouteraccessapproval: 0 Empty, 1 Approved, 2 Pending Approval, 3 Rejected.
  approval smallint not null,
  active boolean not null default true,
  enabled_at timestamptz not null default now(),
  start_date timestamptz not null,
  receive_due_at timestamptz not null default now(),
  receive_failures int not null default 0,
  received_at timestamptz,
  receive_error jsonb,
  send_failures int not null default 0,
  send_not_before timestamptz,
  sent_at timestamptz,
  send_error jsonb,
  unique (organization, address)
);
create index mailbox_receive_due on waypost.mailbox (receive_due_at) where incoming_method = 2 and active;

create table waypost.folder (
  mailbox_id uuid not null references waypost.mailbox on delete cascade,
  id text not null,
  -- The stream that tells of its messages: the folder itself, or the whole mailbox.
  stream_id text not null,
  name text not null,
  role text not null,
  under_inbox boolean not null,
  namespace text not null,
  messages bigint,
  -- Null when the folder is read; otherwise why it is not, for a person.
  not_read_because text,
  -- When the folder was no longer listed; it may come back.
  missing_since timestamptz,
  primary key (mailbox_id, id)
);

-- Positions: a row for each stream that was pulled.
create table waypost.stream (
  mailbox_id uuid not null references waypost.mailbox on delete cascade,
  id text not null,
  cursor text not null,
  pulled_at timestamptz not null,
  primary key (mailbox_id, id)
);

-- The stored answer to "why was this message (not) tracked?". One row per mailbox and message, wherever the message lies.
create table waypost.decision (
  id bigint generated always as identity primary key,
  organization text not null,
  mailbox_id uuid not null references waypost.mailbox on delete cascade,
  identity text not null,
  message_id text,
  received timestamptz not null,
  sender text,
  subject text,
  head jsonb,
  outcome text not null check (outcome in ('tracked', 'skipped', 'duplicate', 'quarantined')),
  reason smallint not null,
  rules jsonb not null,
  email_id uuid,
  -- Message ids whose arrival in the CRM would change the answer.
  waiting_for text[] not null default '{}',
  reconsider boolean not null default false,
  -- It slipped away before its content was read: where it turns up again, it is decided as if never seen.
  undecided boolean not null default false,
  first_seen_at timestamptz not null default now(),
  decided_at timestamptz not null default now(),
  unique (mailbox_id, identity)
);
create index decision_message_id on waypost.decision (message_id);
create index decision_email on waypost.decision (email_id) where email_id is not null;
-- Without fastupdate: its list of what is not yet sorted in would be read from end to end at each look-up.
create index decision_waiting on waypost.decision using gin (waiting_for) with (fastupdate = off) where outcome = 'skipped';
create index decision_reconsider on waypost.decision (mailbox_id) where reconsider;
create index decision_outcome on waypost.decision (outcome, id desc);
create index decision_received on waypost.decision (organization, received);

-- Where a message lies or lay. A move adds a row and marks the old one.
create table waypost.location (
  mailbox_id uuid not null references waypost.mailbox on delete cascade,
  stream_id text not null,
  ref_id text not null,
  -- Ids of the folders in which it lies.
  folders text[] not null,
  decision_id bigint not null references waypost.decision on delete cascade,
  seen_at timestamptz not null default now(),
  gone_at timestamptz,
  primary key (mailbox_id, stream_id, ref_id)
);
create index location_decision on waypost.location (decision_id);

-- One row per message of an organization that becomes an email: whoever comes first chooses the email's id for all (invariant 7).
create table waypost.claim (
  organization text not null,
  identity text not null,
  email_id uuid not null unique,
  message_id text,
  mailbox_id uuid not null,
  claimed_at timestamptz not null default now(),
  delivered_at timestamptz,
  primary key (organization, identity)
);

create table waypost.quarantine (
  id bigint generated always as identity primary key,
  mailbox_id uuid not null references waypost.mailbox on delete cascade,
  decision_id bigint not null references waypost.decision on delete cascade,
  -- The step that failed: read, parse, deliver.
  step text not null,
  code text not null,
  message text not null,
  server_said text,
  remedy text not null,
  attempts int not null default 1,
  opened_at timestamptz not null default now(),
  tried_at timestamptz not null default now(),
  retry boolean not null default false,
  closed_at timestamptz
);
create index quarantine_retry on waypost.quarantine (mailbox_id) where closed_at is null and retry;
create unique index quarantine_open on waypost.quarantine (decision_id) where closed_at is null;

-- One row per press of Send: the intent to send, stored before anything leaves (invariant 8).
create table waypost.outbox (
  organization text not null,
  email_id uuid not null,
  generation int not null,
  mailbox_id uuid not null references waypost.mailbox,
  message_id text not null unique,
  -- intended: claimed, nothing transmitted. transmitting: content may be on its way. accepted, refused, unknown: the end. waiting: to be tried again.
  stage text not null check (stage in ('intended', 'transmitting', 'accepted', 'refused', 'waiting', 'unknown')),
  attempts int not null default 0,
  holder uuid,
  response text,
  refused jsonb not null default '[]',
  -- Some recipients have it; it goes on only to those of `refused` that were put off.
  partly boolean not null default false,
  -- Date header of the message, kept so that composing it again gives the same bytes.
  composed_at timestamptz not null,
  -- What the CRM is to be told, stored with the outcome; settled_at says that it was told.
  settlement jsonb,
  settled_at timestamptz,
  -- Copy in Sent: null not wanted or not yet due, else waiting, filed, already there, no folder, failed.
  sent_copy text,
  sent_copy_attempts int not null default 0,
  sent_copy_not_before timestamptz,
  changed_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  primary key (organization, email_id, generation)
);
create index outbox_open on waypost.outbox (mailbox_id) where settled_at is null;
create index outbox_unknown on waypost.outbox (changed_at) where stage = 'unknown';
create index outbox_copy on waypost.outbox (mailbox_id) where sent_copy = 'waiting';

-- What a mailbox's owner or the administrator should know and do. One row from opening to closing.
create table waypost.alert (
  id bigint generated always as identity primary key,
  scope text not null,
  subject text not null,
  code text not null,
  message text not null,
  server_said text,
  remedy text not null,
  times int not null default 1,
  opened_at timestamptz not null default now(),
  seen_at timestamptz not null default now(),
  closed_at timestamptz
);
create unique index alert_open on waypost.alert (scope, subject, code) where closed_at is null;

-- One worker at a time per key; `wakes` is raised by whoever wants the work done and read again before the work ends.
create table waypost.lease (
  key text primary key,
  holder uuid,
  token bigint not null default 0,
  wakes bigint not null default 0,
  taken_at timestamptz
);

-- Running processes. Each holds a session lock on `lock_key` while it lives, so the dead are known at once.
create table waypost.instance (
  id uuid primary key,
  lock_key bigint generated always as identity unique,
  started_at timestamptz not null default now(),
  host text not null,
  pid int not null
);
