-- Who asks for all mailboxes means those of the file: an inactive one that stands there is named, one that was taken out is history.
alter table waypost.mailbox add column in_file boolean not null default true;
