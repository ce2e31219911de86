-- What a person said about a message by hand, which no rule, no repair and no later match overrules. One row for each thing by which the message is
-- known: the id of its email, the same in all mailboxes of the organization, and the mailbox with its own key of the decision, for a message that only its
-- place tells from others. Not a part of the decision: that is made again, and another mailbox makes its own.
create table waypost.wish (
  organization text not null references waypost.organization,
  message text not null,
  verb text not null check (verb in ('track', 'untrack')),
  -- Only of `track`: the record that the email shall be about.
  regarding jsonb,
  actor text not null,
  wished_at timestamptz not null,
  primary key (organization, message)
);
