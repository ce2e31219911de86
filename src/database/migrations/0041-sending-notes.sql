-- What a connector notes of emails on their way where its CRM lets nobody write on them: whose turn it is, how far it came and under which press of Send. One note for
-- each key; each writing has a number, so that of two who write at once one is told that the other was quicker.
create table waypost.sending_note (
  organization text not null,
  key text not null,
  revision int not null,
  value jsonb not null,
  changed_at timestamptz not null default now(),
  primary key (organization, key)
);
