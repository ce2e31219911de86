-- The id of an email follows from the identity that is claimed, so that it needs no index of its own to be given once. With two unique indexes, two
-- mailboxes that claim the same message at the same moment are not led to the one that came first, but to an error of the other index.
alter table waypost.claim drop constraint claim_email_id_key;
