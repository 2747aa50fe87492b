-- The buckets of one account stand between a colon and the sign behind it, as
-- bytes do. By the order of most languages the semicolon comes before the
-- colon, nothing stood between them, and no account was ever unlocked.
alter table attempts alter column bucket type text collate "C";
