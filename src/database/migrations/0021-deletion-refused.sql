-- Why a message that was to be deleted from its mailbox was not, in the mail system's words, when it was tried last.
alter table waypost.location add delete_refused text;
