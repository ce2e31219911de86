-- Addresses that stand for a record and have no column of their own: the aliases of users and queues, and what a person resolved an address to where no
-- column was free or was to be written.
alter table crm.systemuser add aliases text[] not null default '{}';
alter table crm.queue add aliases text[] not null default '{}';
alter table crm.account add aliases text[] not null default '{}';
alter table crm.contact add aliases text[] not null default '{}';
alter table crm.lead add aliases text[] not null default '{}';

create or replace view crm.addressee (id, type, name, active, ownerid, donotemail, addresses) as
  select systemuserid, 'systemuser', fullname, not isdisabled, null::uuid, false, array[internalemailaddress, personalemailaddress, mobilealertemail] || aliases from crm.systemuser
  union all
  select queueid, 'queue', name, statecode = 0, ownerid, false, array[emailaddress] || aliases from crm.queue
  union all
  select accountid, 'account', name, statecode = 0, ownerid, donotemail, array[emailaddress1, emailaddress2, emailaddress3] || aliases from crm.account
  union all
  select contactid, 'contact', fullname, statecode = 0, ownerid, donotemail, array[emailaddress1, emailaddress2, emailaddress3] || aliases from crm.contact
  union all
  select leadid, 'lead', coalesce(nullif(fullname, ''), companyname, ''), statecode = 0, ownerid, donotemail, array[emailaddress1, emailaddress2, emailaddress3] || aliases from crm.lead;

-- What stands beside the columns is an address that a record got, too.
create or replace function crm.note_new_addresses() returns trigger language plpgsql as $$
begin
  if not exists (select from crm.organization where tellsnewaddresses) then
    return null;
  end if;
  if tg_op = 'INSERT' then
    insert into crm.newaddress (emailaddress)
      select distinct crm.address_key(found.address)
      from new_rows written cross join unnest(array[written.emailaddress1, written.emailaddress2, written.emailaddress3] || written.aliases) found (address)
      where written.statecode = 0 and length(crm.address_key(found.address)) between 1 and 200;
  else
    execute format(
      'insert into crm.newaddress (emailaddress)
       select distinct crm.address_key(found.address)
       from new_rows written join old_rows old on old.%1$I = written.%1$I
         cross join unnest(array[written.emailaddress1, written.emailaddress2, written.emailaddress3] || written.aliases) found (address)
       where written.statecode = 0 and length(crm.address_key(found.address)) between 1 and 200 and (old.statecode <> 0
         or not exists (select from unnest(array[old.emailaddress1, old.emailaddress2, old.emailaddress3] || old.aliases) before (address)
           where crm.address_key(before.address) = crm.address_key(found.address)))',
      tg_argv[0]);
  end if;
  return null;
end $$;

-- The user's default queue.
alter table crm.systemuser add queueid uuid references crm.queue on delete set null;

-- What is made of an unresolved sender: 0 nothing, 1 a contact, 2 a lead.
alter table crm.usersettings add autocreatecontactonpromote smallint not null default 0 check (autocreatecontactonpromote between 0 and 2);

-- Who may not write emails owns none. Every user may, unless it is taken away.
insert into crm.systemuserprivilege (systemuserid, privilege) select systemuserid, 'prvWriteActivity' from crm.systemuser on conflict do nothing;
create function crm.give_privileges() returns trigger language plpgsql as $$
begin
  insert into crm.systemuserprivilege (systemuserid, privilege) select systemuserid, 'prvWriteActivity' from new_rows on conflict do nothing;
  return null;
end $$;
create trigger privileges_given after insert on crm.systemuser referencing new table as new_rows for each statement execute function crm.give_privileges();

-- By the address that a person resolves. Longer than an address can be is nobody's, and too long for an index.
create index activityparty_unresolved on crm.activityparty (crm.address_key(addressused)) where partyid is null and length(addressused) <= 200;
