-- What is new in an email's text, without what it quotes and the signature, by its hash in crm.content; null where that is all of the text, or it was not looked for.
alter table crm.email add replytexthash text references crm.content;
