-- Parties are asked for over the Web API by the key that is made of activity and place, and by address without regard to case; without these each question goes through
-- all of them. Addresses may be longer than an ordered index takes.
create index activityparty_key on crm.activityparty ((md5(activityid::text || '/' || ordinal::text)::uuid));
create index activityparty_address on crm.activityparty using hash (lower(addressused)) where addressused is not null;
