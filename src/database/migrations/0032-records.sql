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
