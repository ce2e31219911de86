-- Where deciding again and deleting go on that gave way to other mailboxes; null: both begin at their beginning.
alter table waypost.mailbox add unfinished jsonb;

-- What is to be decided again is gone through in the order of the decisions.
drop index waypost.decision_reconsider;
create index decision_reconsider on waypost.decision (mailbox_id, id) where reconsider;
drop index waypost.quarantine_retry;
create index quarantine_retry on waypost.quarantine (mailbox_id, decision_id) where closed_at is null and retry;

-- The message was processed while its mailbox deletes what is processed. Without it every round of such a mailbox would look at all that lies there.
alter table waypost.location add deletable boolean not null default false;
update waypost.location set deletable = true from waypost.decision, waypost.mailbox
where decision.id = decision_id and mailbox.id = location.mailbox_id and outcome in ('tracked', 'duplicate') and decided_at >= delete_since;
create index location_deletable on waypost.location (mailbox_id, stream_id, ref_id) where deletable and gone_at is null;
