-- Wrong codes of all recoveries of an account: at a hundred it is recovered no
-- more, until a recovery method was proved anew (security row RC2).
alter table users add column recovery_failures integer not null default 0;
