"""The database as it was: kept once, compared after a request, put back."""
import time

import psycopg2

# Tables whose rows say what was tried, not what was done: charged before.
TRIES = {"attempts", "audit_logs", "audit_pending", "challenges", "factors",
         "subjects"}
# When something was used last is written once a minute or so, by anybody; and
# columns that count tries in tables which say more than that.
USE = "'{last_used_at,usage_count,attempts,recovery_failures}'"

# Which tables were written to is noted, or all would have to be compared.
TOUCH = """
create unlogged table failures.touched (name text);
create function failures.touch() returns trigger language plpgsql
security definer set search_path = failures as $$ begin
insert into touched values (tg_table_name); return null; end $$;
"""


class Snapshot:
    def __init__(self, run, port):
        # Triggers are left out when rows are put back: a superuser may.
        self.db = psycopg2.connect(host=run, port=port, user="postgres",
                                   dbname="postern")
        self.db.autocommit = True
        self.cursor = self.db.cursor()
        self.sql("set session_replication_role = replica")
        self.sql("set synchronous_commit = off")
        self.tables = [r[0] for r in self.sql("""
            select relname from pg_class c
            where relnamespace = 'public'::regnamespace
            and relkind in ('r', 'p') and not relispartition
            order by relname""")]

    def sql(self, query, *args):
        self.cursor.execute(query, args or None)
        return self.cursor.fetchall() if self.cursor.description else None

    def take(self):
        self.sql("drop schema if exists failures cascade")
        self.sql("create schema failures")
        self.sql(TOUCH)
        for t in self.tables:
            self.sql(f"create unlogged table failures.{t} as "
                     f"select * from public.{t}")
            self.sql("create trigger failures_touch after insert or update "
                     f"or delete on public.{t} for each statement execute "
                     "function failures.touch()")

    def backends(self):
        """The server's processes for the programs."""
        return {r[0] for r in self.sql(
            "select pid from pg_stat_activity where usename = 'postern'")}

    def one_ends(self, seen):
        """Wait for the end of one of them, or of one that came later; the
        second is for one that came and went."""
        end = time.monotonic() + 1
        now = self.backends()
        while not seen - now and time.monotonic() < end:
            time.sleep(0.01)
            seen = seen | now
            now = self.backends()

    def touched(self):
        return sorted({r[0] for r in self.sql(
            "select name from failures.touched")})

    def delta(self):
        """table -> (rows that are new, rows that are gone)."""
        touched = self.touched()
        if not touched:
            return {}
        found = self.sql(" union all ".join(
            f"""select '{t}',
            (select count(*) from (select to_jsonb(x) - {USE}::text[] from
             public.{t} x except all
             select to_jsonb(y) - {USE}::text[] from failures.{t} y) added),
            (select count(*) from (select to_jsonb(y) - {USE}::text[] from
             failures.{t} y except all
             select to_jsonb(x) - {USE}::text[] from public.{t} x) gone)"""
            for t in touched))
        return {name: (added, gone) for name, added, gone in found
                if added or gone}

    def restore(self):
        """Also where a delta sees nothing: a try that was counted ends what
        allows only some."""
        touched = self.touched()
        if touched:
            self.sql("".join(
                f"delete from public.{t}; insert into public.{t} "
                f"overriding system value select * from failures.{t};"
                for t in touched) + "delete from failures.touched")
