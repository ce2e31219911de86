-- The queue engine fills this schema itself. It is made here, because `create schema if not exists` can still fail in two processes at once.
create schema pgboss;

-- Which process runs which active job of the queue engine, which does not note it itself: a killed process must not block a key.
create table waypost.running_job (
  job_id uuid primary key,
  queue text not null,
  key text not null,
  holder uuid not null
);
