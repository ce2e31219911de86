-- Attachments that are uploaded block by block over the Web API, until they are committed or forgotten.
create table crm.attachmentupload (
  token text primary key,
  systemuserid uuid not null references crm.systemuser on delete cascade,
  filename text not null,
  expireson timestamptz not null
);
create index attachmentupload_systemuserid on crm.attachmentupload (systemuserid);
create index attachmentupload_expireson on crm.attachmentupload (expireson);

create table crm.attachmentblock (
  token text not null references crm.attachmentupload on delete cascade,
  blockid text not null,
  body bytea not null,
  primary key (token, blockid)
);
alter table crm.attachmentblock alter body set storage external;
