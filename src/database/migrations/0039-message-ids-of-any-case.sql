-- Filters of the Web API compare without regard to case, as Dynamics does; the index on messageid itself serves those inside that compare exactly.
create index email_messageid_folded on crm.email using hash (lower(messageid));
