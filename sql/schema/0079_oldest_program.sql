-- Which programs run on this schema: those that know at least the migration
-- named here. A migration that an older program cannot live with raises it.
comment on table schema_migrations is 'oldest program: 60';
