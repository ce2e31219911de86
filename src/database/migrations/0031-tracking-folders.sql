-- Rules by which what lies in a folder becomes an email (Dynamics: mailboxtrackingfolder).
create table waypost.tracking_folder (
  id bigint generated always as identity primary key,
  mailbox_id uuid not null references waypost.mailbox (id) on delete cascade,
  -- The folder by its identity, and what it was called when it was listed last.
  folder_id text not null,
  folder_name text not null,
  -- Where the identity does not survive a rename, what does.
  mark text,
  -- The folders below it too.
  children boolean not null,
  -- What the emails are about; null: what the other rules find.
  regarding jsonb,
  actor text not null,
  made_at timestamptz not null
);
-- One of each folder, but where a folder with a rule takes the name of one that is gone: then the other rule waits there for its folder to come back.
create index tracking_folder_of on waypost.tracking_folder (mailbox_id, folder_id);

alter table waypost.folder add mark text, add rule_id bigint;

-- Messages that came to lie in a folder with a rule, and of which what follows is not done yet.
create table waypost.filed (
  mailbox_id uuid not null references waypost.mailbox (id) on delete cascade,
  decision_id bigint not null references waypost.decision (id) on delete cascade,
  primary key (mailbox_id, decision_id)
);
create index filed_decision on waypost.filed (decision_id);

-- Who said last what an email is about, other than the message that it was made of: a person, or a folder. With its rule goes a folder's say.
create table waypost.email_regarding (
  organization text not null references waypost.organization,
  email_id uuid not null,
  -- Null: a person, whose word no folder overrules.
  rule_id bigint references waypost.tracking_folder (id) on delete cascade,
  regarding jsonb,
  primary key (organization, email_id)
);
create index email_regarding_rule on waypost.email_regarding (rule_id);

insert into waypost.email_regarding (organization, email_id)
select distinct decision.organization, decision.email_id
from waypost.audit join waypost.decision on audit.subject = 'decision ' || decision.id
where audit.action = 'regarding' and decision.email_id is not null;

-- Messages that bore the category, a keyword of IMAP, when their folders were looked at last.
create table waypost.categorized (
  mailbox_id uuid not null references waypost.mailbox (id) on delete cascade,
  decision_id bigint not null references waypost.decision (id) on delete cascade,
  -- Under which name; under another one it is another category.
  keyword text not null,
  -- It lost it with many others at once: that was nobody's word, nor is it when it bears it again.
  hidden boolean not null default false,
  primary key (mailbox_id, decision_id)
);
create index categorized_decision on waypost.categorized (decision_id);

-- Tracked messages are given the category where the profile asks for it. What was given by Waypost is nobody's word.
alter table waypost.server_profile add marks_tracked boolean not null default false;
create table waypost.marking (
  mailbox_id uuid not null references waypost.mailbox (id) on delete cascade,
  decision_id bigint not null references waypost.decision (id) on delete cascade,
  done boolean not null default false,
  primary key (mailbox_id, decision_id)
);
create index marking_decision on waypost.marking (decision_id);
create index marking_to_do on waypost.marking (mailbox_id, decision_id) where not done;
