-- Deleting only what is proven to be in the CRM.

alter table waypost.location
  -- Hash of the content that was read at this place, over the parts that a CRM keeps, and the size that the mail system told of it then. Null: never read here.
  add content_hash text check (length(content_hash) = 64),
  add content_size bigint,
  -- Why it is not deleted: what lies here is not what the email holds, or nobody could look.
  add kept_because text check (kept_because in ('other content', 'too large', 'unreadable'));
create index location_kept on waypost.location (mailbox_id) where kept_because is not null;

-- What was deleted from mailboxes: a row for each copy, written when the mail system had done it. Places are forgotten with a position, this is not.
create table waypost.deletion (
  id bigint generated always as identity primary key,
  decision_id bigint not null references waypost.decision on delete cascade,
  -- Names of the folders in which it lay.
  folders text[] not null,
  deleted_at timestamptz not null
);
create index deletion_decision on waypost.deletion (decision_id);

-- How many messages were deleted from it, and when the last was.
alter table waypost.mailbox
  add deleted_messages bigint not null default 0,
  add deleted_at timestamptz;
