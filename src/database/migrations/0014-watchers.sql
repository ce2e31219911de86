-- Processes that wait for news of mailboxes: they share the mailboxes evenly.
create table waypost.watcher (
  instance_id uuid primary key
);
