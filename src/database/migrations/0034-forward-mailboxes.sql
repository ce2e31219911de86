-- What proves who forwarded a message to a forward mailbox: see ForwardTrust in model/.
alter table waypost.mailbox add forward_trust jsonb check (forward_trust is null or owner_type = 'forward');

-- Whoever forwards to one is looked for by address.
create index mailbox_forwarding on waypost.mailbox (organization, address) where incoming_method = 3 and active;

-- Where originals lie, by the messages that hold them.
create index location_original on waypost.location (mailbox_id, stream_id, regexp_replace(ref_id, ' [0-9]{1,6}/[0-9]{1,6}$', ''))
  where gone_at is null and ref_id ~ ' [0-9]{1,6}/[0-9]{1,6}$';
