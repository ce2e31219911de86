-- The part of a cursor that seldom changes, and may be large: it is written only when it does.
alter table waypost.stream add column cursor_base text not null default '';
