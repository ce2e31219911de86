-- Connections to mail servers, counted over all processes.

-- How many connections a host is asked for at a time, whatever server profiles lead to it.
create table waypost.mail_host (
  name text primary key,
  max_connections int not null
);

-- A host refused connections for their number: for a while it is asked for no more than it took then.
create table waypost.learned_limit (
  host text not null,
  -- Who signs in there; empty: whoever does.
  account text not null,
  profile text not null,
  connections int not null,
  until timestamptz not null,
  primary key (host, account)
);

-- A place: the right of a process to hold one connection open. What dead processes held is taken away.
create table waypost.connection (
  id uuid primary key,
  holder uuid not null,
  use text not null check (use in ('receive', 'send', 'file', 'watch', 'check')),
  mailbox_id uuid not null,
  profile text not null,
  host text not null,
  account text not null,
  since timestamptz not null default clock_timestamp()
);
create index connection_profile on waypost.connection (profile);
create index connection_host on waypost.connection (host, account);
create unique index connection_watch on waypost.connection (mailbox_id) where use = 'watch';

-- Who stands in line for a place. The order is that of asking, with a head start for what people wait for.
create table waypost.connection_line (
  use text not null,
  mailbox_id uuid not null,
  profile text not null,
  host text not null,
  account text not null,
  turn_at timestamptz not null,
  -- There was room, and its work was woken: the place is kept free for it for a moment.
  called_at timestamptz,
  primary key (use, mailbox_id)
);
create index connection_line_turn on waypost.connection_line (profile, turn_at);
