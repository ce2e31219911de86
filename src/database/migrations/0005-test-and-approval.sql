-- Test & Enable Mailbox, and the approval of addresses (product-behaviour 3.3 to 3.5).

alter table waypost.mailbox
  -- incomingemailstatus, outgoingemailstatus, actstatus: 0 Not Run, 1 Success, 2 Failure.
  add incoming_status smallint not null default 0,
  add outgoing_status smallint not null default 0,
  add act_status smallint not null default 0,
  -- enabledforincomingemail, enabledforoutgoingemail: a test passed, and nothing it depends on has changed since.
  add enabled_for_incoming boolean not null default false,
  add enabled_for_outgoing boolean not null default false,
  -- testmailboxaccesscompletedon
  add tested_at timestamptz,
  -- A direction is worked on only once it is enabled.
  add require_test boolean not null default false,
  -- requireapprovalforuseremail or requireapprovalforqueueemail of its organization.
  add approval_required boolean not null default true,
  -- What the configuration file says of the address: yes, no, this address.
  add approval_in_file text not null default 'yes',
  -- Who gave `approval` its value: file, change (the address is new to its owner), command.
  add approval_source text not null default 'file',
  -- The start of reading was set and does not move when the mailbox is enabled.
  add start_is_set boolean not null default false;

-- Messages by which Waypost tests mailboxes. They never become emails, wherever they arrive.
create table waypost.test_message (
  message_id text primary key,
  -- Stands in the subject: some servers write a Message-ID of their own.
  token text not null unique,
  mailbox_id uuid not null references waypost.mailbox on delete cascade,
  sent_at timestamptz not null
);

-- Who changed what by word and not by the file.
create table waypost.audit (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  actor text not null,
  action text not null,
  subject text not null
);
create index audit_subject on waypost.audit (subject, id);
