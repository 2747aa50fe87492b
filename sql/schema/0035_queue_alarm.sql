-- When the queues fell behind (docs/operations.md): one row, so that of several
-- workers one says that it began and one that it ended.
create table queue_alarm (
	one boolean primary key default true check (one),
	since timestamptz
);
insert into queue_alarm default values;

-- For counting dead letters; what is not dead costs nothing here.
create index webhook_deliveries_dead on webhook_deliveries (id)
	where state = 'dead';
