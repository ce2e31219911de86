-- The embedded CRM: Dynamics' tables under their logical names (product-behaviour 10.1), as far as email needs them.
create schema crm;

-- One row. `settings` holds only what differs from Dynamics' defaults, by Dynamics name.
create table crm.organization (
  organizationid uuid primary key,
  name text not null,
  settings jsonb not null default '{}',
  -- Counter of the tracking tokens that belong to no user.
  nexttrackingnumber int not null default 1
);
create unique index organization_single on crm.organization ((true));
insert into crm.organization (organizationid, name) values (gen_random_uuid(), 'Embedded CRM');

-- The form in which addresses are compared: as addressKey in model/ makes it. The collation is named because the database's own may know ASCII only.
create function crm.address_key(address text) returns text language sql immutable parallel safe
  return lower(btrim(address, E' \t\n\u000b\f\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff') collate "und-x-icu");

create table crm.systemuser (
  systemuserid uuid primary key,
  fullname text not null,
  internalemailaddress text,
  personalemailaddress text,
  mobilealertemail text,
  isdisabled boolean not null default false,
  createdon timestamptz not null default now()
);

create table crm.usersettings (
  systemuserid uuid primary key references crm.systemuser on delete cascade,
  incomingemailfilteringmethod smallint not null default 1 check (incomingemailfilteringmethod between 0 and 4),
  trackingtokenid int not null,
  nexttrackingnumber int not null default 1,
  -- "Allow other users to send email on your behalf".
  issendasallowed boolean not null default false
);
-- Numbers users for their tracking tokens: 1, 2, 3, ...
create sequence crm.trackingtokenid;

-- Privileges of a user, by Dynamics name; prvSendAsUser is the right to send as somebody else.
create table crm.systemuserprivilege (
  systemuserid uuid not null references crm.systemuser on delete cascade,
  privilege text not null,
  primary key (systemuserid, privilege)
);

create table crm.queue (
  queueid uuid primary key,
  name text not null,
  emailaddress text,
  incomingemailfilteringmethod smallint not null default 0 check (incomingemailfilteringmethod between 0 and 3),
  ownerid uuid,
  owneridtype text not null default 'systemuser' check (owneridtype in ('systemuser', 'team')),
  statecode smallint not null default 0
);

create table crm.account (
  accountid uuid primary key,
  name text not null,
  emailaddress1 text,
  emailaddress2 text,
  emailaddress3 text,
  donotemail boolean not null default false,
  ownerid uuid,
  statecode smallint not null default 0,
  createdon timestamptz not null default now(),
  modifiedon timestamptz not null default now()
);

create table crm.contact (
  contactid uuid primary key,
  firstname text,
  lastname text,
  fullname text generated always as (trim(coalesce(firstname, '') || ' ' || coalesce(lastname, ''))) stored,
  emailaddress1 text,
  emailaddress2 text,
  emailaddress3 text,
  parentcustomerid uuid references crm.account,
  donotemail boolean not null default false,
  ownerid uuid,
  statecode smallint not null default 0,
  createdon timestamptz not null default now(),
  modifiedon timestamptz not null default now()
);

create table crm.lead (
  leadid uuid primary key,
  firstname text,
  lastname text,
  fullname text generated always as (trim(coalesce(firstname, '') || ' ' || coalesce(lastname, ''))) stored,
  companyname text,
  subject text,
  emailaddress1 text,
  emailaddress2 text,
  emailaddress3 text,
  donotemail boolean not null default false,
  ownerid uuid,
  statecode smallint not null default 0,
  createdon timestamptz not null default now(),
  modifiedon timestamptz not null default now()
);

-- Every record that can stand on an email, with its address columns in their order: the one definition of what the address index holds.
create view crm.addressee (id, type, name, active, ownerid, donotemail, addresses) as
  select systemuserid, 'systemuser', fullname, not isdisabled, null::uuid, false, array[internalemailaddress, personalemailaddress, mobilealertemail] from crm.systemuser
  union all
  select queueid, 'queue', name, statecode = 0, ownerid, false, array[emailaddress] from crm.queue
  union all
  select accountid, 'account', name, statecode = 0, ownerid, donotemail, array[emailaddress1, emailaddress2, emailaddress3] from crm.account
  union all
  select contactid, 'contact', fullname, statecode = 0, ownerid, donotemail, array[emailaddress1, emailaddress2, emailaddress3] from crm.contact
  union all
  select leadid, 'lead', coalesce(nullif(fullname, ''), companyname, ''), statecode = 0, ownerid, donotemail, array[emailaddress1, emailaddress2, emailaddress3] from crm.lead;

-- The address index: every address column of every email-enabled table, kept by the triggers below.
create table crm.emailsearch (
  parentobjectid uuid not null,
  parentobjecttypecode text not null,
  emailcolumnnumber smallint not null,
  emailaddress text not null,
  parentobjectname text not null,
  active boolean not null,
  ownerid uuid,
  donotemail boolean not null,
  primary key (parentobjectid, emailcolumnnumber)
);
create index emailsearch_emailaddress on crm.emailsearch (emailaddress);

-- Indexes the rows of one statement together. The argument is the table's key column.
create function crm.keep_addresses() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then
    execute format('delete from crm.emailsearch index using old_rows old where index.parentobjectid = old.%I', tg_argv[0]);
  end if;
  if tg_op <> 'DELETE' then
    execute format(
      'insert into crm.emailsearch (parentobjectid, parentobjecttypecode, emailcolumnnumber, emailaddress, parentobjectname, active, ownerid, donotemail)
       select one.id, one.type, found.number, crm.address_key(found.address), one.name, one.active, one.ownerid, one.donotemail
       from new_rows new
         join crm.addressee one on one.id = new.%I and one.type = %L
         cross join unnest(one.addresses) with ordinality found (address, number)
       -- Longer than an address can be stored on an email: never equal to one, and too long for an index.
       where length(crm.address_key(found.address)) between 1 and 200', tg_argv[0], tg_table_name);
  end if;
  return null;
end $$;

-- A trigger with transition tables takes one event only.
do $$
declare
  one record;
begin
  for one in select * from (values ('systemuser', 'systemuserid'), ('queue', 'queueid'), ('account', 'accountid'), ('contact', 'contactid'), ('lead', 'leadid')) tables (name, key) loop
    execute format('create trigger addresses_inserted after insert on crm.%I referencing new table as new_rows for each statement execute function crm.keep_addresses(%L)', one.name, one.key);
    execute format('create trigger addresses_updated after update on crm.%I referencing old table as old_rows new table as new_rows for each statement execute function crm.keep_addresses(%L)', one.name, one.key);
    execute format('create trigger addresses_deleted after delete on crm.%I referencing old table as old_rows for each statement execute function crm.keep_addresses(%L)', one.name, one.key);
  end loop;
end $$;

-- Every user has settings, whoever made the user.
create function crm.make_usersettings() returns trigger language plpgsql as $$
begin
  insert into crm.usersettings (systemuserid, trackingtokenid)
  select systemuserid, nextval('crm.trackingtokenid') from new_rows on conflict (systemuserid) do nothing;
  return null;
end $$;
create trigger usersettings_made after insert on crm.systemuser referencing new table as new_rows for each statement execute function crm.make_usersettings();

-- Bodies and attachments by the SHA-256 of their bytes, stored once.
create table crm.content (
  hash text primary key check (length(hash) = 64),
  size bigint not null,
  body bytea not null
);
alter table crm.content alter column body set storage external;

create table crm.email (
  activityid uuid primary key,
  subject text not null default '',
  -- Hashes of the HTML and the plain text body in crm.content (`description` of Dynamics).
  descriptionhash text references crm.content,
  plaintexthash text references crm.content,
  directioncode boolean not null default true,
  -- Follows from the status, so the two never contradict each other (product-behaviour 4.1).
  statecode smallint not null generated always as (case when statuscode in (1, 8) then 0 when statuscode = 5 then 2 else 1 end) stored,
  statuscode smallint not null default 1 check (statuscode between 1 and 8),
  sender text,
  torecipients text,
  submittedby text,
  messageid text,
  inreplyto text,
  conversationindex text,
  baseconversationindex text,
  trackingtoken text,
  correlationmethod smallint not null default 0,
  correlatedactivityid uuid,
  parentactivityid uuid,
  regardingobjectid uuid,
  regardingobjecttypecode text,
  regardingobjectidname text,
  acceptingentityid uuid,
  acceptingentitytypecode text,
  isduplicatesenderunresolved boolean not null default false,
  internetmessageheaders jsonb,
  notifications smallint not null default 0,
  prioritycode smallint not null default 1,
  readreceiptrequested boolean not null default false,
  deliveryreceiptrequested boolean not null default false,
  attachmentcount int not null default 0,
  ownerid uuid,
  owneridtype text,
  senton timestamptz,
  receivedon timestamptz,
  actualend timestamptz,
  delayedemailsendtime timestamptz,
  postponeemailprocessinguntil timestamptz,
  deliveryattempts int not null default 0,
  -- The user who pressed Send, how often it was pressed, and what the mail system said last.
  submitterid uuid,
  sendgeneration int not null default 0,
  lastsendresponse text,
  createdon timestamptz not null default now(),
  modifiedon timestamptz not null default now(),
  versionnumber bigint not null default 1
);
-- Message-IDs are written by strangers and may be longer than a B-tree row can be; a hash index takes any length.
create index email_messageid on crm.email using hash (messageid);
create index email_trackingtoken on crm.email (trackingtoken) where trackingtoken is not null;
create index email_conversation on crm.email (baseconversationindex) where baseconversationindex is not null;
create index email_pending on crm.email ((coalesce(greatest(delayedemailsendtime, postponeemailprocessinguntil), createdon)), createdon) where statuscode = 6;
create index email_latest on crm.email ((coalesce(receivedon, senton, createdon)), activityid);
create index email_regarding on crm.email (regardingobjectid) where regardingobjectid is not null;

-- Counts versions, and the presses of Send: an email that becomes Pending Send starts a new generation, whoever wrote it,
-- except when it comes back from Sending to be tried again (invariant 8). Wakes whoever sends.
create function crm.email_written() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    new.sendgeneration := greatest(new.sendgeneration, 1);
    perform pg_notify('crm_email_pending', '');
    return new;
  end if;
  new.versionnumber := old.versionnumber + 1;
  new.modifiedon := now();
  if new.statuscode = 6 and old.statuscode <> 6 then
    new.sendgeneration := old.sendgeneration + case when old.statuscode = 7 then 0 else 1 end;
    perform pg_notify('crm_email_pending', '');
  end if;
  return new;
end $$;
create trigger email_inserted before insert on crm.email for each row when (new.statuscode = 6) execute function crm.email_written();
create trigger email_updated before update on crm.email for each row execute function crm.email_written();

create table crm.activityparty (
  activityid uuid not null references crm.email on delete cascade,
  ordinal int not null,
  participationtypemask smallint not null,
  partyid uuid,
  partyobjecttypecode text,
  partyidname text,
  addressused text,
  addressusedname text,
  addressusedemailcolumnnumber smallint,
  primary key (activityid, ordinal)
);
create index activityparty_party on crm.activityparty (partyid) where partyid is not null;

-- Parties with what the CRM knows of them now. `address` is where mail to the party goes: the address used, else the column that was chosen, else the record's first.
create view crm.addressedparty as
  select party.*, one.name, one.active, one.donotemail,
    coalesce(
      nullif(btrim(party.addressused), ''),
      nullif(btrim(one.addresses[party.addressusedemailcolumnnumber]), ''),
      (select btrim(found.address) from unnest(one.addresses) with ordinality found (address, number) where crm.address_key(found.address) <> '' order by found.number limit 1)
    ) as address
  from crm.activityparty party left join crm.addressee one on one.id = party.partyid and one.type = party.partyobjecttypecode;

create table crm.activitymimeattachment (
  activitymimeattachmentid uuid primary key,
  objectid uuid not null references crm.email on delete cascade,
  attachmentnumber int not null,
  filename text not null,
  mimetype text not null,
  attachmentcontentid text,
  isinline boolean not null default false,
  filesize bigint not null,
  hash text not null references crm.content,
  unique (objectid, attachmentnumber)
);

create table crm.queueitem (
  queueitemid uuid primary key,
  queueid uuid not null references crm.queue,
  objectid uuid not null references crm.email on delete cascade,
  title text not null,
  enteredon timestamptz not null default now(),
  unique (queueid, objectid)
);
