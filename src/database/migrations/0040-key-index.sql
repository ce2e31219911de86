-- Which keys (addresses, Message-IDs, tokens, conversations) an organization of Dynamics holds, as numbers, kept up to date by what its tables tell of changes:
-- mail of strangers is settled without asking for it.
create table waypost.key_index (
  organization text primary key references waypost.organization (name) on delete cascade,
  -- Rounds that were begun, and the last one that told of all tables with the moment at which it began.
  begun bigint not null default 0,
  begun_at timestamptz,
  finished bigint not null default 0,
  finished_at timestamptz,
  -- Who is at it.
  holder uuid,
  held_until timestamptz
);

create table waypost.key_table (
  id int generated always as identity primary key,
  organization text not null references waypost.key_index (organization) on delete cascade,
  name text not null,
  stage text not null check (stage in ('reading', 'following', 'refused')),
  link text,
  columns text not null,
  -- How many times its rows were read from the first one on.
  readings int not null default 0,
  changed bigint not null default 0,
  set_at timestamptz not null default now(),
  unique (organization, name)
);

create table waypost.held_key (
  table_id int not null references waypost.key_table (id) on delete cascade,
  row_id uuid not null,
  key bigint not null,
  reading int not null,
  round bigint not null,
  primary key (table_id, row_id, key)
);
create index held_key_key on waypost.held_key (key, table_id);

-- Decisions in the belief that the organization has none of these keys, until a round that began later has told of all tables.
create table waypost.unasked (
  decision_id bigint primary key references waypost.decision (id) on delete cascade,
  organization text not null references waypost.key_index (organization) on delete cascade,
  begun bigint not null,
  keys bigint[] not null
);
create index unasked_organization on waypost.unasked (organization, begun);
