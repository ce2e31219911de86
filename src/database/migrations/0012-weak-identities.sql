-- What a message without a Message-ID or a date that tells looks like, wherever it lies: by it one is known again whose place means nothing any
-- more. Null for all others, whose identity tells as much.
alter table waypost.decision add likeness text;
create index decision_likeness on waypost.decision (mailbox_id, likeness) where likeness is not null;

-- A folder can stay as a parent of others when its messages are gone.
alter table waypost.folder add selectable boolean not null default true;
