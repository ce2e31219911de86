-- When a mailbox was last compared with the CRM, from the mail system's own listing and to its end.
alter table waypost.mailbox add audited_at timestamptz not null default now();

-- Whether mail is decided again by itself when its sender becomes known to the CRM, and how many days back.
alter table waypost.organization
  add afterwards boolean not null default false,
  add afterwards_days int not null default 30;

-- Messages that no filter wanted, by their sender. Longer addresses than these are nobody's in the CRM, and too long for an index.
create index decision_unmatched on waypost.decision (left(crm.address_key(sender), 200)) where outcome = 'skipped' and reason in (1, 3);

-- Emails that somebody deleted, in distinction from those that are gone without a trace.
create table crm.deletedemail (
  activityid uuid primary key,
  deletedon timestamptz not null
);

-- Addresses that contacts, accounts and leads got. Kept only where somebody asks for them, and only until then. Without a unique index: two imports of the
-- same addresses would wait for each other, and maybe both for ever.
alter table crm.organization add tellsnewaddresses boolean not null default false;
create table crm.newaddress (
  id bigint generated always as identity primary key,
  emailaddress text not null,
  -- When it was asked for: it is told once more later, see newAddresses in crm/.
  toldon timestamptz
);
create index newaddress_first on crm.newaddress (id) where toldon is null;
create index newaddress_again on crm.newaddress (toldon) where toldon is not null;

-- Notes the addresses that the rows of one statement did not have before, or had while they were inactive. The argument is the table's key column.
create function crm.note_new_addresses() returns trigger language plpgsql as $$
begin
  if not exists (select from crm.organization where tellsnewaddresses) then
    return null;
  end if;
  if tg_op = 'INSERT' then
    insert into crm.newaddress (emailaddress)
      select distinct crm.address_key(found.address) from new_rows written cross join unnest(array[written.emailaddress1, written.emailaddress2, written.emailaddress3]) found (address)
      where written.statecode = 0 and length(crm.address_key(found.address)) between 1 and 200;
  else
    execute format(
      'insert into crm.newaddress (emailaddress)
       select distinct crm.address_key(found.address)
       from new_rows written join old_rows old on old.%1$I = written.%1$I
         cross join unnest(array[written.emailaddress1, written.emailaddress2, written.emailaddress3]) found (address)
       where written.statecode = 0 and length(crm.address_key(found.address)) between 1 and 200 and (old.statecode <> 0
         or crm.address_key(found.address) not in (crm.address_key(coalesce(old.emailaddress1, '''')), crm.address_key(coalesce(old.emailaddress2, '''')), crm.address_key(coalesce(old.emailaddress3, ''''))))',
      tg_argv[0]);
  end if;
  return null;
end $$;

do $$
declare
  one record;
begin
  for one in select * from (values ('account', 'accountid'), ('contact', 'contactid'), ('lead', 'leadid')) tables (name, key) loop
    execute format('create trigger newaddresses_inserted after insert on crm.%I referencing new table as new_rows for each statement execute function crm.note_new_addresses(%L)', one.name, one.key);
    execute format('create trigger newaddresses_updated after update on crm.%I referencing old table as old_rows new table as new_rows for each statement execute function crm.note_new_addresses(%L)', one.name, one.key);
  end loop;
end $$;
