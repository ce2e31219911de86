-- What is known of a message that is no email is kept for a while only. Then its head and all that the rules said of it go; its fingerprints stay
-- (identity, likeness, and what is left to know it by in its place), so that it is known again wherever it is read.
alter table waypost.decision add purged_at timestamptz, add remainder text;

-- A body that no email names any more goes; its hash stays, with its size. To delete the row the database would look through all emails for each body, or
-- need an index that is written with every email, for what seldom happens.
alter table crm.content alter column body drop not null;

-- Bodies that an email or attachment named that is gone, or names another one now. Others may name them still: whoever purges looks. A row that is there is
-- updated, so that one of two transactions waits for the other where a body is purged while the last that named it goes.
create table crm.leftcontent (
  hash text primary key references crm.content on delete cascade
);

create function crm.email_left() returns trigger language plpgsql as $$
begin
  insert into crm.leftcontent (hash)
  select distinct hash from unnest(array[old.descriptionhash, old.plaintexthash, old.replytexthash]) one (hash)
  where hash is not null order by hash on conflict (hash) do update set hash = excluded.hash;
  return null;
end $$;
create trigger email_left after delete or update of descriptionhash, plaintexthash, replytexthash on crm.email for each row execute function crm.email_left();

create function crm.attachment_left() returns trigger language plpgsql as $$
begin
  insert into crm.leftcontent (hash) values (old.hash) on conflict (hash) do update set hash = excluded.hash;
  return null;
end $$;
create trigger attachment_left after delete or update of hash on crm.activitymimeattachment for each row execute function crm.attachment_left();

-- Those of emails that were deleted before this was kept.
insert into crm.leftcontent (hash)
select hash from crm.content where not exists (select from crm.email where descriptionhash = content.hash)
  and not exists (select from crm.email where plaintexthash = content.hash) and not exists (select from crm.email where replytexthash = content.hash)
  and not exists (select from crm.activitymimeattachment where activitymimeattachment.hash = content.hash);

-- Who switched it on that subject and counterpart of mail that is no email are shown to administrators, and when; null: they are not.
alter table waypost.organization add untracked_shown_by text, add untracked_shown_at timestamptz;
