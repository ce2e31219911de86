-- Where the messages of a stream lay when its position was lost, until it is read to its end again: a server that writes headers anew leaves nothing but
-- the place to know a message by, also after a crash in the middle of the reading.
create table waypost.former_place (
  mailbox_id uuid not null references waypost.mailbox (id) on delete cascade,
  stream_id text not null,
  ref_id text not null,
  decision_id bigint not null references waypost.decision (id) on delete cascade,
  primary key (mailbox_id, stream_id, ref_id)
);
create index former_place_decision on waypost.former_place (decision_id);
