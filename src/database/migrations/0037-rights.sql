-- Business units, teams and roles: who may do what with which rows over the Web API (product-behaviour 8, 10.1). Without a role a user may do nothing there; what the
-- engine and the pages do does not ask for roles.

create table crm.businessunit (
  businessunitid uuid primary key default gen_random_uuid(),
  name text not null,
  parentbusinessunitid uuid references crm.businessunit,
  isdisabled boolean not null default false,
  createdon timestamptz not null default now(),
  modifiedon timestamptz not null default now()
);
create unique index businessunit_root on crm.businessunit ((true)) where parentbusinessunitid is null;
create index businessunit_parent on crm.businessunit (parentbusinessunitid);
insert into crm.businessunit (name) select name from crm.organization;

-- The unit that has none above it: where everybody is who was put nowhere else.
create function crm.root_businessunit() returns uuid stable language sql as $$
  select businessunitid from crm.businessunit where parentbusinessunitid is null
$$;

-- A unit and all below it. A ring of units, which nothing makes, would end all the same.
create function crm.businessunits_below(top uuid) returns setof uuid stable language sql as $$
  with recursive below (id) as (
    select top union select businessunitid from crm.businessunit join below on parentbusinessunitid = below.id
  )
  select id from below
$$;

-- Of a user, applicationid is the application that signs in as it, azureactivedirectoryobjectid its object in the directory that signs tokens, and domainname the name
-- to sign in with (UPN).
update crm.systemuser set businessunitid = crm.root_businessunit() where businessunitid is null;
alter table crm.systemuser
  alter businessunitid set default crm.root_businessunit(),
  alter businessunitid set not null,
  add foreign key (businessunitid) references crm.businessunit;
create index systemuser_businessunit on crm.systemuser (businessunitid);
create unique index systemuser_applicationid on crm.systemuser (applicationid) where applicationid is not null;
create unique index systemuser_domainname on crm.systemuser (lower(domainname)) where domainname is not null;

create table crm.team (
  teamid uuid primary key default gen_random_uuid(),
  name text not null,
  description text,
  businessunitid uuid not null default crm.root_businessunit() references crm.businessunit,
  -- 0 Owner, 1 Access, 2 Security Group, 3 Office Group.
  teamtype smallint not null default 0 check (teamtype between 0 and 3),
  administratorid uuid references crm.systemuser on delete set null,
  emailaddress text,
  createdon timestamptz not null default now(),
  modifiedon timestamptz not null default now()
);
create index team_businessunit on crm.team (businessunitid);

create table crm.teammembership (
  teammembershipid uuid primary key default gen_random_uuid(),
  teamid uuid not null references crm.team on delete cascade,
  systemuserid uuid not null references crm.systemuser on delete cascade,
  unique (systemuserid, teamid)
);
create index teammembership_team on crm.teammembership (teamid);

create table crm.role (
  roleid uuid primary key default gen_random_uuid(),
  name text not null,
  businessunitid uuid not null default crm.root_businessunit() references crm.businessunit,
  -- Of a role that comes with the program: which one it is. Its privileges are the program's.
  roletemplateid uuid unique,
  createdon timestamptz not null default now(),
  modifiedon timestamptz not null default now(),
  unique (businessunitid, name)
);

-- privilegedepthmask: 1 basic, 2 local, 4 deep, 8 global.
create table crm.roleprivileges (
  roleid uuid not null references crm.role on delete cascade,
  privilege text not null,
  privilegedepthmask smallint not null check (privilegedepthmask in (1, 2, 4, 8)),
  primary key (roleid, privilege)
);

create table crm.systemuserroles (
  systemuserid uuid not null references crm.systemuser on delete cascade,
  roleid uuid not null references crm.role on delete cascade,
  primary key (systemuserid, roleid)
);
create index systemuserroles_role on crm.systemuserroles (roleid);

create table crm.teamroles (
  teamid uuid not null references crm.team on delete cascade,
  roleid uuid not null references crm.role on delete cascade,
  primary key (teamid, roleid)
);
create index teamroles_role on crm.teamroles (roleid);

-- The roles that a user has, those of its teams too; `near`: from its own business unit.
create view crm.heldrole (systemuserid, roleid, near) as
  select systemuserid, roleid, true from crm.systemuserroles
  union all
  select teammembership.systemuserid, teamroles.roleid, team.businessunitid = systemuser.businessunitid
  from crm.teammembership join crm.team using (teamid) join crm.teamroles using (teamid)
    join crm.systemuser on systemuser.systemuserid = teammembership.systemuserid;

-- Access tokens of the CRM's own, by the SHA-256 of what was shown once.
create table crm.accesstoken (
  accesstokenid uuid primary key default gen_random_uuid(),
  systemuserid uuid not null references crm.systemuser on delete cascade,
  name text not null,
  hash bytea not null unique check (length(hash) = 32),
  createdon timestamptz not null,
  createdby text not null,
  expireson timestamptz not null,
  revokedon timestamptz,
  usedon timestamptz
);
create unique index accesstoken_name on crm.accesstoken (systemuserid, name) where revokedon is null;

-- Versions and change tracking, as for the other tables.
do $$
declare
  one text;
begin
  foreach one in array array['businessunit', 'team', 'role'] loop
    execute format('alter table crm.%I add versionnumber bigint not null default nextval(''crm.rowversion''), add changedin xid8 not null default pg_current_xact_id()', one);
    execute format('create index %I on crm.%I (changedin)', one || '_changedin', one);
    execute format('create trigger row_changed before update on crm.%I for each row when (old.* is distinct from new.*) execute function crm.dated_row_changed()', one);
    execute format('create trigger rows_deleted after delete on crm.%I referencing old table as old_rows for each statement execute function crm.rows_deleted(%L)', one, one || 'id');
  end loop;
end $$;
