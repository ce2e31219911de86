-- When a message last arrived in the mailbox: the most recently active ones are watched where connections are scarce.
alter table waypost.mailbox add arrived_at timestamptz;

-- Decisions by mailbox and outcome, so that nobody has to count them. One worker at a time writes decisions of a mailbox, so no row is fought over.
create table waypost.decision_count (
  mailbox_id uuid not null references waypost.mailbox on delete cascade,
  outcome text not null,
  messages bigint not null,
  primary key (mailbox_id, outcome)
);
insert into waypost.decision_count select mailbox_id, outcome, count(*) from waypost.decision group by mailbox_id, outcome;

create function waypost.count_decisions() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into waypost.decision_count as c (mailbox_id, outcome, messages)
      select mailbox_id, outcome, count(*) from added group by mailbox_id, outcome order by mailbox_id, outcome
      on conflict (mailbox_id, outcome) do update set messages = c.messages + excluded.messages;
  elsif tg_op = 'UPDATE' then
    -- Marks on decisions of other mailboxes change no count, and must not wait for one.
    insert into waypost.decision_count as c (mailbox_id, outcome, messages)
      select mailbox_id, outcome, sum(n) from (
        select mailbox_id, outcome, 1 as n from added union all select mailbox_id, outcome, -1 from removed) as change
      group by mailbox_id, outcome having sum(n) <> 0 order by mailbox_id, outcome
      on conflict (mailbox_id, outcome) do update set messages = c.messages + excluded.messages;
  else
    update waypost.decision_count c set messages = c.messages - gone.messages
      from (select mailbox_id, outcome, count(*) as messages from removed group by mailbox_id, outcome) as gone
      where c.mailbox_id = gone.mailbox_id and c.outcome = gone.outcome;
  end if;
  return null;
end $$;
create trigger count_added after insert on waypost.decision referencing new table as added for each statement execute function waypost.count_decisions();
create trigger count_changed after update on waypost.decision referencing old table as removed new table as added for each statement execute function waypost.count_decisions();
create trigger count_removed after delete on waypost.decision referencing old table as removed for each statement execute function waypost.count_decisions();
