"""The audit log: rows LO2 to LO5, RB9, CF6."""
import csv
import glob
import io
import json
import os
import re

import psycopg2
import pytest

from queries import statements
from staff import staff
from until import until


@pytest.fixture
def admin(stack):
    return staff(stack, "admin")


def logs(admin, query=""):
    answer = admin.api.get("/admin/audit-logs?" + query)
    assert answer.status == 200, answer
    return answer.data


def sealed(stack):
    """Wait for the worker to have sealed everything."""
    until(lambda: stack.sql("select not exists (select 1 from audit_pending)"
                            )[0][0], "everything sealed")


def verify(stack, *more):
    run = stack.ctl("audit", "verify", "--json", *more, check=False)
    return json.loads(run.stdout)


@pytest.fixture
def intact(stack):
    """A chain without the damage of earlier tests."""
    begin = ("truncate audit_chain, audit_pending, audit_logs,"
             " audit_retention; insert into audit_retention default values")
    def clear():
        """Whoever seals rows at that moment may lock tables the other way."""
        try:
            stack.sql(begin)
        except psycopg2.errors.DeadlockDetected:
            return False
        return True

    until(clear, "the tables of the audit log empty")
    yield
    until(clear, "the tables of the audit log empty")


def test_003_login_logout_and_permission_checks_are_logged(admin, person):
    person.login()
    person.try_login("wrong")
    person.api.post("/auth/check-permission",
                    {"resource": "users", "action": "read"})
    person.api.post("/auth/logout")
    rows = logs(admin, "user_id=" + person.id)
    seen = {(r["action"], r["result"]) for r in rows}
    assert {("auth.register", "success"), ("auth.login", "success"),
            ("auth.login", "failure"), ("permission.check", "failure"),
            ("auth.logout", "success")} <= seen
    for row in rows:
        assert row["ip_address"] == "127.0.0.1"
        assert row["request_id"] and row["created_at"]


def test_filters(stack, admin, person):
    person.try_login("wrong")
    mine = "user_id=" + person.id
    assert [r["action"] for r in logs(admin, mine + "&result=failure")] == [
        "auth.login"]
    assert logs(admin, mine + "&action=auth.register")[0]["result"] == \
        "success"
    assert logs(admin, mine + "&ip_address=127.0.0.1")
    assert logs(admin, mine + "&ip_address=10.0.0.1") == []
    assert logs(admin, mine + "&from=2020-01-01") != []
    assert logs(admin, mine + "&to=2020-01-01") == []
    assert logs(admin, mine + "&from=2999-01-01T00:00:00Z") == []
    for bad in ("from=yesterday", "result=maybe", "format=xml", "after=x"):
        assert admin.api.get("/admin/audit-logs?" + bad).status == 400
    for network in ("127.0.0.0/8", "127.0.0.1/32", "0.0.0.0/0"):
        assert logs(admin, mine + "&ip_address=" + network)
    for network in ("10.0.0.0/8", "::/0", "::1"):
        assert logs(admin, mine + "&ip_address=" + network) == []
    for path in ("/admin/audit-logs?", "/admin/audit-logs?format=csv&",
                 "/auth/audit-logs?"):
        for field, bad in (("ip_address", "bogus"), ("ip_address", "1.2.3"),
                           ("ip_address", "10.0.0.0/33"),
                           ("ip_address", "'"), ("action", "AUTH.LOGIN"),
                           ("action", "login"), ("action", "auth.login;")):
            answer = admin.api.get(path + field + "=" + bad)
            assert (answer.status, answer.fields) == (422, [field]), bad
    first = admin.api.get("/admin/audit-logs?limit=1&" + mine)
    second = admin.api.get("/admin/audit-logs?limit=1&" + mine + "&after=" +
                           first.headers["X-Next-Cursor"])
    assert second.data[0]["id"] < first.data[0]["id"]
    assert first.json["pagination"]["total"] >= 2


def test_csv_is_no_formula(stack, admin):
    """Row RB9."""
    evil = '=HYPERLINK("http://x","y"),z'
    victim = stack.api.new_person()
    victim.api.post("/auth/logout", None, User_Agent=evil)
    answer = admin.api.get("/admin/audit-logs?format=csv&action=auth.logout"
                           "&user_id=" + victim.id)
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
    assert rows[0]["user_agent"] == "'" + evil
    assert rows[0]["action"] == "auth.logout"


def test_ndjson_has_a_row_a_line(admin, person):
    answer = admin.api.get("/admin/audit-logs?format=ndjson&user_id=" +
                           person.id)
    rows = [json.loads(line) for line in answer.body.splitlines()]
    assert rows[-1]["action"] == "auth.register"
    assert rows == logs(admin, "limit=200&user_id=" + person.id)


def test_a_file_has_all_rows(stack, admin, person):
    """Row AP4 is for pages: whatever their number, as they are read."""
    stack.sql("insert into audit_logs (user_id, action, resource, result,"
              " reason) select %s, 'permission.check', 'x', 'success', n"
              " from generate_series(1, 1234) n", person.id)
    query = ("/admin/audit-logs?action=permission.check&user_id=" + person.id
             + "&format=")
    want = [str(n) for n in range(1234, 0, -1)]
    for limit in ("", "&limit=100000", "&limit=1234", "&per_page=1235"):
        answer = admin.api.get(query + "csv" + limit)
        assert answer.status == 200
        rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
        assert [r["reason"] for r in rows] == want
    for limit, n in (("", 1234), ("&limit=1000", 1000), ("&limit=501", 501),
                     ("&limit=500", 500), ("&limit=3", 3)):
        answer = admin.api.get(query + "ndjson" + limit)
        rows = [json.loads(line) for line in answer.body.splitlines()]
        assert [r["reason"] for r in rows] == want[:n]
    few = admin.api.get(query + "ndjson&limit=3&offset=3")
    assert [json.loads(line)["reason"] for line in few.body.splitlines()
            ] == want[3:6]
    none = admin.api.get(query + "csv&result=failure")
    assert none.status == 200 and none.body.count(b"\n") == 1


def test_a_user_sees_his_own_history_only(admin, person):
    """Row LO5."""
    mine = person.api.get("/auth/audit-logs?user_id=" + admin.id)
    assert mine.status == 200
    assert {r["user_id"] for r in mine.data} == {person.id}
    assert person.api.get("/admin/audit-logs").status == 403


def test_rows_stand_in_the_partition_of_their_month(stack, person):
    (home,), = stack.sql(
        "select tableoid::regclass::text from audit_logs"
        " where user_id = %s limit 1", person.id)
    (now,), = stack.sql("select to_char(now() at time zone 'UTC', 'YYYYMM')")
    assert home == "audit_logs_" + now
    (ahead,), = stack.sql("select count(*) from pg_inherits"
                          " where inhparent = 'audit_logs'::regclass")
    assert ahead >= 13


def test_the_programs_may_only_add(stack, person):
    """Row CF6."""
    with psycopg2.connect(stack["DATABASE_URL"]) as db:
        tables = ["audit_logs", "audit_chain", "audit_pending",
                  "audit_retention"] + [t for t, in stack.sql(
            "select inhrelid::regclass::text from pg_inherits"
            " where inhparent = 'audit_logs'::regclass")]
        for table in tables:
            for change in ("delete from ", "truncate "):
                with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                    db.cursor().execute(change + table)
                db.rollback()
        for change in ("audit_logs set reason = 'x'",
                       "audit_pending set id = 0", "audit_chain set seq = 0",
                       "audit_retention set base = 1"):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                db.cursor().execute("update " + change)
            db.rollback()


def test_the_programs_choose_neither_number_nor_time_of_a_row(stack, intact):
    """Row CF6: an old row beside a young one would take it along, and one that
    is never old would stop what seals and what takes the old."""
    stack.sql("insert into audit_logs (action, resource, result)"
              " values ('role.assign', 'roles/x', 'success')")
    sealed(stack)
    (last, number), = stack.sql("select seq, audit_id from audit_chain"
                                " order by seq desc limit 1")
    (month,), = stack.sql("select tableoid::regclass::text from audit_logs"
                          " where id = %s", number)
    row = "action, resource, result) %s values (%s, 'auth.login', 'x', 'failure')"
    with psycopg2.connect(stack["DATABASE_URL"]) as db:
        cursor = db.cursor()
        for forged in (
                "audit_logs (id, " + row % ("overriding system value", number),
                "audit_logs (created_at, " + row % ("", "'infinity'"),
                month + " (id, " + row % ("", number),
                "audit_chain (seq, audit_id, mac) values (9e18, 0, '')",
                "audit_retention (logins) values (1)"):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute("insert into " + forged)
            db.rollback()
        with pytest.raises(psycopg2.errors.UniqueViolation):
            cursor.execute("select audit_seal(%s, '{0}', '{00}')", (last + 2,))
        db.rollback()
        for hand in ("logins", "addresses"):
            cursor.execute("select audit_mark(%s, (select case %s when 'logins'"
                           " then logins else addresses end from"
                           " audit_retention), %s, '{}', '{}')",
                           (hand, hand, last + 1))
            assert cursor.fetchone() == (False,)
    assert verify(stack)["intact"] is True


def test_the_programs_make_no_month_but_one_that_may_come(stack):
    """Row CF6."""
    tables = "select count(*) from pg_tables where tablename like 'audit%%'"
    before = stack.sql(tables)
    with psycopg2.connect(stack["DATABASE_URL"]) as db:
        cursor = db.cursor()
        for month in ("0044-01-01 BC", "1970-01-01", "2020-02-01",
                      "2999-01-01", "infinity", "-infinity"):
            cursor.execute("select audit_partition(%s::date)", (month,))
            assert cursor.fetchone() == (False,), month
    assert stack.sql(tables) == before


def test_the_programs_take_nothing_young_from_the_log(stack, intact, person):
    """Row CF6: what retention may, whoever calls it."""
    person.try_login("wrong")
    sealed(stack)
    (last,), = stack.sql("select max(seq) from audit_chain")
    rows = "select * from audit_logs order by id"
    before = stack.sql(rows)
    with psycopg2.connect(stack["DATABASE_URL"]) as db:
        cursor = db.cursor()
        for hand in ("logins", "addresses"):
            cursor.execute(
                "select audit_mark(%s, 0, %s, (select array_agg(seq) from"
                " audit_chain), (select array_agg('00'::text) from audit_chain))",
                (hand, last))
        cursor.execute("select audit_cut(0, %s, '00')", (last,))
        assert cursor.fetchone() == (False,)
    assert stack.sql(rows) == before


@pytest.fixture
def old(stack, intact):
    """A log of rows of each age, sealed; keep() lets the worker go over it."""
    for days, action, result, address in (
            (410, "auth.logout", "success", "198.51.100.7"),
            (401, "auth.login", "failure", "198.51.100.7"),
            (399, "auth.logout", "success", "2001:db8:1:2::7"),
            (91, "auth.login", "success", "198.51.100.7"),
            (91, "auth.login", "failure", "198.51.100.7"),
            (91, "auth.logout", "success", None),
            (89, "auth.login", "success", "198.51.100.7"),
            (31, "auth.login", "failure", "198.51.100.7"),
            (29, "auth.login", "failure", "198.51.100.7")):
        stack.sql("insert into audit_logs (created_at, action, resource,"
                  " result, ip_address, user_agent) values (now() - %s *"
                  " interval '1 day', %s, 'sessions', %s, %s, 'x')",
                  days, action, result, address)
    sealed(stack)
    assert verify(stack)["intact"] is True

    def keep():
        stack.sql("update cron_jobs set next_run = now()")
        until(lambda: stack.sql("select base from audit_retention") ==
              [(2,)], "what is old gone")
    return keep


LEFT = [(399, "auth.logout", "2001:db8:1::/48"),
        (91, "auth.login", "198.51.100.0/24"), (91, "auth.logout", None),
        (89, "auth.login", "198.51.100.7"),
        (29, "auth.login", "198.51.100.7")]


def test_what_is_old_goes_and_the_chain_holds(stack, old, person):
    """Rows LO4, PV4: failed logins, addresses, rows; and goes on."""
    point = verify(stack)
    old()
    assert stack.sql(
        "select extract(day from now() - created_at)::int, action,"
        " ip_address from audit_logs where user_id is null order by id"
    ) == LEFT
    person.login()
    sealed(stack)
    told = verify(stack, "--checkpoint", f"{point['links']}:{point['mac']}")
    assert told["intact"] is True and told["checkpoint_found"] is True
    assert told["links"] > point["links"]
    assert told["links_removed_by_age"] == 2
    assert told["rows_removed_by_age"] == 2
    assert told["addresses_shortened_by_age"] == 2
    assert verify(stack, "--checkpoint", "1:00")[
        "checkpoint_removed_by_age"] is True
    admin = staff(stack, "admin")
    assert len(logs(admin, "ip_address=198.51.100.0/24")) == 3
    assert len(logs(admin, "ip_address=198.51.100.0/25")) == 2


TAKEN = [
    "delete from audit_logs where ip_address = '198.51.100.0/24'",
    "update audit_logs set ip_address = '203.0.113.0/24' where ip_address ="
    " '198.51.100.0/24'",
    "update audit_logs set ip_address = '198.51.100.8' where ip_address ="
    " '198.51.100.0/24'",
    "with gone as (delete from audit_chain where seq = 3 returning audit_id)"
    " delete from audit_logs where id in (select audit_id from gone)",
    "update audit_retention set base = 3, base_mac = (select mac from"
    " audit_chain where seq = 3); delete from audit_chain where seq = 3;"
    " delete from audit_logs where ip_address = '2001:db8:1::/48'",
    "update audit_chain set mark = (select mark from audit_chain where seq ="
    " 5) where seq = 7; delete from audit_logs where id = (select audit_id"
    " from audit_chain where seq = 7)",
    "delete from audit_chain where seq = 5",
]
PARTS = ("audit_logs", "audit_chain", "audit_retention")


def test_what_somebody_else_took_is_not_taken_for_old(stack, old):
    """Row LO4."""
    old()
    for part in PARTS:
        stack.sql(f"create table kept_{part} as table {part}")
    try:
        for statement in TAKEN:
            assert damaged(stack, statement)["intact"] is False, statement
            stack.sql("truncate " + ", ".join(PARTS))
            stack.sql("alter table audit_logs disable trigger user")
            for part in PARTS:
                stack.sql(f"insert into {part} overriding system value"
                          f" table kept_{part}")
            stack.sql("alter table audit_logs enable trigger user")
        assert verify(stack)["intact"] is True
    finally:
        for part in PARTS:
            stack.sql(f"drop table kept_{part}")


def test_age_covers_no_tampering(stack, old):
    """Row LO4: what did not hold before is left as it is."""
    stack.sql("update audit_logs set reason = 'x' where action = 'auth.login'"
              " and result = 'failure' and created_at < now() -"
              " interval '90 days' and created_at > now() - interval"
              " '100 days'")
    old()
    assert stack.sql("select count(*) from audit_logs where reason = 'x'"
                     ) == [(1,)]
    assert verify(stack)["intact"] is False


def damaged(stack, statement, *more):
    sealed(stack)
    assert verify(stack)["intact"] is True
    stack.sql(statement)
    return verify(stack, *more)


SOME = "(select min(id) + 1 from audit_logs)"


@pytest.mark.parametrize("statement", [
    "update audit_logs set result = 'failure', reason = 'x' where id = "
    + SOME,
    "update audit_logs set created_at = created_at - interval '1 s'"
    " where id = " + SOME,
    "delete from audit_logs where id = " + SOME,
    "with gone as (delete from audit_chain where seq = 2 returning audit_id)"
    " delete from audit_logs where id in (select audit_id from gone)",
    "update audit_chain set seq = case seq when 1 then -1 else 1 end"
    " where seq in (1, 2)",
    "alter table audit_logs disable trigger user; insert into audit_logs"
    " (action, resource, result) values ('x', 'x', 'success');"
    " alter table audit_logs enable trigger user",
])
def test_a_tampered_log_is_found(stack, intact, person, statement):
    """Row LO4: edited, moved in time, deleted, cut out, reordered, forged."""
    person.login()
    person.login()
    assert damaged(stack, statement)["intact"] is False


def test_a_log_cut_off_at_its_end_is_found_by_a_checkpoint(
        stack, intact, person):
    """Row LO4."""
    person.login()
    sealed(stack)
    whole = verify(stack)
    point = f"{whole['links']}:{whole['mac']}"
    person.login()
    sealed(stack)
    assert verify(stack, "--checkpoint", point)["intact"] is True
    stack.sql("with gone as (delete from audit_chain where seq >= %s"
              " returning audit_id) delete from audit_logs where id in"
              " (select audit_id from gone)", whole["links"])
    assert verify(stack)["intact"] is True
    assert verify(stack, "--checkpoint", point)["intact"] is False


@pytest.mark.stack(HOTEL_REVIEWS_AUTH_ENABLE_AUDIT_LOGGING="false")
def test_003_switched_off_nothing_is_written(stack):
    stack.sql("truncate audit_chain, audit_pending, audit_logs")
    person = stack.api.new_person()
    person.login()
    person.try_login("wrong")
    person.api.post("/auth/logout")
    assert stack.sql("select * from audit_logs") == []
    assert stack.sql("select * from audit_pending") == []


ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
# What of the schema says who somebody is and what he may do.
GUARDED = {
    "users", "sessions", "subjects", "factors", "backup_codes", "devices",
    "api_keys", "roles", "permissions", "role_permissions", "user_roles",
    "recovery_methods", "recovery_requests", "webhooks", "signing_keys",
    "one_time", "challenges", "factor_codes",
}
# Changes that are no event of their own, and why.
SILENT = {
    "account_contest": "another registration, which is written",
    "code_renew": "a code again, of a registration that is written",
    "api_key_used": "counts uses",
    "ctl_signing_key_reseal": "the same secret under a new key",
    "ctl_factor_reseal": "the same", "ctl_webhook_reseal": "the same",
    "subject_make": "a name, without anything yet",
    "factor_pending_charge": "an attempt; what becomes of it is written",
    "factor_charge": "the same", "recovery_charge": "the same",
    "factor_send": "a code of a login or setup that is written",
    "device_rename": "a label",
    "clean_sessions": "what ended before", "clean_one_time": "the same",
    "clean_factor_codes": "the same", "clean_challenges": "the same",
    "clean_recovery_requests": "the same",
    "session_rotate": "the same session goes on; reuse is written",
    "session_touch": "the time of the last use",
    "webhook_settle": "a delivery; its log is its own",
}


def changes(text):
    return set(re.findall(r"(?:insert into|delete from|update)\s+(\w+)",
                          text)) & GUARDED


def test_what_changes_rights_or_secrets_writes_its_row_with_it():
    """Row LO2: one statement, so there is no change without its row. Made
    from the statements themselves; a new one is seen."""
    silent = {name for name, text in statements().items()
              if changes(text) and "insert into audit_logs" not in text}
    assert silent == set(SILENT)


def test_each_kind_of_event_is_in_the_manual():
    """docs/operations.md lists what an operator may filter by."""
    actions = set()
    for text in statements().values():
        for part in text.split("insert into audit_logs")[1:]:
            actions |= set(re.findall(r"'([a-z0-9]+\.[a-z0-9_]+)'", part))
    for path in glob.glob(ROOT + "/src/*/*.c"):
        with open(path, encoding="utf-8") as file:
            actions |= set(re.findall(r'"(admin\.(?:network|refused))"',
                                      file.read()))
    with open(ROOT + "/docs/operations.md", encoding="utf-8") as file:
        listed = set(re.findall(r"`([a-z0-9]+\.[a-z0-9_]+)`", file.read()))
    assert len(actions) > 50
    assert actions - listed == set()


def test_a_month_without_a_partition_loses_nothing(stack, intact, person):
    """Its rows wait in the rest and move when the month is made; the chain
    holds over it."""
    (month,), = stack.sql("select to_char(now() at time zone 'UTC', "
                          "'YYYYMM')")
    name = "audit_logs_" + month
    stack.sql(f"alter table audit_logs detach partition {name}")
    stack.sql(f"alter table {name} rename to put_away")
    stack.sql("truncate audit_chain, audit_pending")
    try:
        person.login()
        assert stack.sql("select distinct tableoid::regclass::text from"
                         " audit_logs") == [("audit_logs_rest",)]
        sealed(stack)
        with psycopg2.connect(stack["DATABASE_URL"]) as db:
            cursor = db.cursor()
            cursor.execute("select audit_partition(date_trunc('month', now()"
                           " at time zone 'UTC')::date)")
            assert cursor.fetchone() == (True,)
        person.login()
        assert stack.sql("select tableoid::regclass::text, count(*) from"
                         " audit_logs group by 1") == [(name, 2)]
        sealed(stack)
        assert verify(stack)["intact"] is True
    finally:
        stack.sql("drop table put_away")
