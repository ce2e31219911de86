-- A user or queue of a CRM that stands elsewhere is known by its first address (key form); its id is asked for at each look.
alter table waypost.mailbox add owner_address text;
alter table waypost.mailbox add constraint mailbox_owner check (
  case owner_type when 'forward' then owner_id is null and owner_address is null else (owner_id is null) <> (owner_address is null) end);
