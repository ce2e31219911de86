-- Deleting messages from a mailbox once they are in the CRM (processanddeleteemails).

-- Since when it is wanted; null: not at all. What was processed before stays. Never in a user's mailbox (Dynamics: 8005E233).
alter table waypost.mailbox add delete_since timestamptz check (delete_since is null or owner_type <> 'systemuser');

-- The intent to delete the message there, stored before it is done.
alter table waypost.location add delete_tried_at timestamptz;
