-- `waypost explain <email-id>` and the page of an email ask for all presses of Send of one email, in whichever organization.
create index outbox_email on waypost.outbox (email_id);
