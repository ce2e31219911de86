-- A place stored with a part of a page, before the cursor that covers it: when the page is read again, it is told of again or has left unseen.
alter table waypost.location add ahead boolean not null default false;
create index location_ahead on waypost.location (mailbox_id, stream_id) where ahead;
