-- By what smart matching finds an email: hashes of one address and the words of the subject together, because one question about both finds few emails
-- where each alone finds thousands. `at` is the time of the email, so that the newest are found without looking at the others.
create table crm.emailhash (
  activityid uuid not null references crm.email on delete cascade,
  hash bigint not null,
  at timestamptz not null,
  primary key (activityid, hash)
);
create index emailhash_hash on crm.emailhash (hash, at, activityid);
