-- What rules answer is the same for most messages, and made up most of the ledger. Answers that say nothing of a message are kept here once; a decision
-- has their ids in the place of the answers. The key is not unique: of two processes that keep the same answer at the same moment one would have to wait
-- for the other, and maybe both for each other.
create table waypost.rule_answer (
  id text not null,
  answer jsonb not null
);
create index rule_answer_id on waypost.rule_answer (id);

-- The answers of a decision, those that are kept once too.
create function waypost.whole_rules(rules jsonb) returns jsonb language sql stable as $$
  select coalesce(jsonb_agg(
    case jsonb_typeof(one.value) when 'string' then (select answer from waypost.rule_answer where id = one.value #>> '{}' limit 1) else one.value end
    order by one.ordinality), '[]')
  from jsonb_array_elements(rules) with ordinality one
$$;

-- Rows of 2 to 4 KB stay whole: to compress them took a third of the time of writing them.
alter table waypost.decision set (toast_tuple_target = 8160);
