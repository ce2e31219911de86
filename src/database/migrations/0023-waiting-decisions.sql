-- Most decisions wait for nothing, and each was written into this index all the same.
drop index waypost.decision_waiting;
create index decision_waiting on waypost.decision using gin (waiting_for) with (fastupdate = off) where outcome = 'skipped' and waiting_for <> '{}';
