-- Heads and rules of 2 to 4 KB each lie beside the rows as they are: PGlite took a third of the time of storing a decision for compressing them, and
-- a row without them is small, so that look-ups find more of them in memory. What is longer than a message's usual ones is rare.
alter table waypost.decision alter head set storage external, alter rules set storage external;
