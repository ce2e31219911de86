-- What mail systems other than IMAP and SMTP ask of the ledger.

-- The folders that were read up to the cursor. One stream may tell of many (labels); what lies in a folder that is read only from now on has passed by.
alter table waypost.stream add folders text[] not null default '{}';
update waypost.stream set folders = array(
  select folder.id from waypost.folder where folder.mailbox_id = stream.mailbox_id and stream_id = stream.id and not_read_because is null);
alter table waypost.stream alter folders drop default;

-- The time before which the mail system itself does not want to be asked (throttling); receive_due_at is only when it is to be asked next.
alter table waypost.mailbox add receive_not_before timestamptz;

-- When Sent is looked at next for a message that was transmitted and never answered.
alter table waypost.outbox add look_again_at timestamptz;
