-- Back-off of a whole organization whose CRM is away: its mailboxes wait together, those of others do not.
alter table waypost.organization
  add failures int not null default 0,
  add not_before timestamptz,
  -- What the CRM failed with, for a person.
  add trouble text;
