"""posternctl, the operator's hand, against a Postgres of its own and, where
what it does must be felt by requests, on the stack."""
import base64
import csv
import hashlib
import http.server
import json
import os
import pty
import secrets
import subprocess
import threading
import warnings

import psycopg2
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import crypt

import factor
from test_worker import (  # noqa: F401
    TOP, Relay, free_port, postgres, program)
from until import until

OK, FAILED, USAGE, NOT_FOUND, CONFLICT, UNAVAILABLE = range(6)
PASSWORD = "Correct-Horse-7-staple"


class Ctl:
    """posternctl on a database of its own."""

    def __init__(self, program, env):
        self.program = program
        self.env = env

    def run(self, *args, stdin="", **more):
        return subprocess.run(
            [self.program, *args], env={**self.env, **more}, input=stdin,
            capture_output=True, text=True, timeout=120)

    def __call__(self, *args, exits=OK, stdin="", **more):
        done = self.run(*args, stdin=stdin, **more)
        assert done.returncode == exits, (args, done)
        return done.stdout

    def json(self, *args, **more):
        return json.loads(self(*args, "--json", **more))

    def sql(self, query, *args):
        with psycopg2.connect(self.env["DATABASE_OWNER_URL"]) as db:
            with db.cursor() as cursor:
                cursor.execute(query, args)
                return cursor.fetchall() if cursor.description else None

    def create(self, name, *args):
        return self.json("user", "create", "--email", name + "@x.test",
                         "--username", name, *args)


@pytest.fixture(scope="module")
def server(postgres, tmp_path_factory):  # noqa: F811
    """The two roles: who owns the tables, and who works with them; and a
    migrated database, which others are copies of."""
    execute(postgres["SCRATCH_ADMIN"], "create role ctl_app login",
            "create role ctl_owner login createdb",
            "create database ready owner ctl_owner")
    where = tmp_path_factory.mktemp("ready")
    ctl_of(postgres["SCRATCH_ADMIN"], "ready", where)("migrate")
    return postgres["SCRATCH_ADMIN"]


def execute(server, *statements):
    db = psycopg2.connect(server)
    db.autocommit = True
    with db.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    db.close()


def ctl_of(server, name, where):
    places = psycopg2.extensions.parse_dsn(server)
    where_is = f"host={places['host']} dbname={name}"
    return Ctl(program("posternctl"), {
        "PATH": os.environ["PATH"], "LANG": "C.UTF-8",
        "JWT_SECRET": secrets.token_hex(32),
        "SEALING_KEYS": sealing_key(1),
        "DATABASE_URL": where_is + " user=ctl_app",
        "DATABASE_OWNER_URL": where_is + " user=ctl_owner",
        "RUNTIME_DIR": str(where), "ENVIRONMENT": "development",
        "TEMPLATE_DIR": TOP + "/templates", "POSTERN_CONFIG": ""})


@pytest.fixture
def fresh(server, tmp_path):
    """posternctl, and a database without a schema."""
    name = "ctl_" + secrets.token_hex(4)
    execute(server, f"create database {name} owner ctl_owner")
    return ctl_of(server, name, tmp_path)


@pytest.fixture
def ctl(server, tmp_path):
    """posternctl, and a database with one."""
    name = "ctl_" + secrets.token_hex(4)
    execute(server, f"create database {name} template ready owner ctl_owner")
    return ctl_of(server, name, tmp_path)


def sealing_key(version):
    return f"{version}:" + base64.b64encode(os.urandom(32)).decode()


# Configuration

def test_check_config_names_every_fault_and_no_value(fresh):
    done = fresh.run("check-config", DB_PORT="canary-x", LOG_LEVEL="canary-y",
                     JWT_SECRET="canary-secret")
    assert done.returncode == FAILED
    for key in "database.port", "log.level", "jwt.secret":
        assert key in done.stderr
    assert "canary" not in done.stderr + done.stdout
    assert json.loads(fresh("check-config", "--json"))["ok"] is True


def test_what_is_missing_is_said_with_the_file_that_was_looked_for(fresh,
                                                                    tmp_path):
    del fresh.env["JWT_SECRET"], fresh.env["POSTERN_CONFIG"]
    usual = fresh.run("--help").stdout.split("instead of ")[1].split()[0]
    said = fresh.run("check-config").stderr
    assert "jwt.secret" in said and usual + " (No such file" in said
    mine = tmp_path / "mine.yaml"
    mine.write_text("service: {name: x}\n")
    assert str(mine) in fresh.run("check-config", "--config", str(mine)).stderr
    assert "none is named" in fresh.run("check-config", POSTERN_CONFIG=""
                                        ).stderr


def test_a_refused_configuration_stops_every_command(fresh):
    done = fresh.run("user", "list", JWT_SECRET="change-this-in-production")
    assert done.returncode == FAILED
    assert "jwt.secret" in done.stderr
    assert "change-this" not in done.stderr


def test_secrets_are_not_taken_from_the_command_line(fresh):
    done = fresh.run("check-config", "--set", "database.password=canary")
    assert done.returncode == FAILED
    assert "database.password" in done.stderr
    assert "canary" not in done.stderr


def test_printed_settings_hold_no_secret_and_load_again(fresh, tmp_path):
    text = fresh("check-config", "--print", APP_NAME="Vignette")
    assert fresh.env["JWT_SECRET"] not in text
    assert "name: Vignette # environment APP_NAME" in text


# Usage

@pytest.mark.parametrize("words", [
    [], ["bogus"], ["user"], ["user", "create", "--bogus"],
    ["user", "list", "extra"], ["user", "show"], ["user", "list", "--limit"],
    ["user", "list", "--limit", "many"], ["user", "delete", "a@x.test"],
    ["queue", "retry"], ["queue", "retry", "no-uuid"],
])
def test_wrong_usage_exits_2(ctl, words):
    done = ctl.run(*words)
    assert done.returncode == USAGE
    assert done.stderr and not done.stdout


@pytest.mark.parametrize("words", [
    [], ["user"], ["user", "create"], ["key"], ["queue", "retry"],
    ["migrate"], ["doctor"], ["dev", "last-token"], ["routes"]])
def test_help_at_every_level_without_a_configuration(fresh, words):
    done = subprocess.run(
        [fresh.program, *words, "--help"], capture_output=True, text=True,
        env={"PATH": os.environ["PATH"], "POSTERN_CONFIG": ""})
    assert done.returncode == OK and "usage: posternctl" in done.stdout
    assert "exit codes" in done.stdout


def test_version(fresh):
    assert fresh("--version").startswith("posternctl ")


def test_no_database_exits_5(fresh):
    where = "host=/nonexistent user=x"
    for words in (["user", "list"], ["migrate"], ["doctor"], ["key", "list"],
                  ["queue", "stats"]):
        assert fresh.run(*words, DATABASE_URL=where,
                         DATABASE_OWNER_URL=where).returncode == UNAVAILABLE


@pytest.mark.parametrize("where,word", [
    ("sslmode=required", "verify-full"),
    ("target_session_attrs=standby", "read-write"),
    ("sslmode=disable channel_binding=require", "channel_binding")])
def test_words_of_a_connection_are_checked(fresh, where, word):
    for key in "DATABASE_URL", "DATABASE_OWNER_URL":
        said = fresh.run("check-config", **{key: "host=h " + where})
        assert said.returncode == FAILED
        assert key in said.stderr and word in said.stderr


def test_words_of_an_option_are_checked(ctl, tmp_path):
    for words, word in ((("queue", "list", "--state", "lost"), "expired"),
                        (("kafka", "list", "--state", "done"), "dead"),
                        (("user", "import", "-", "--format", "xml"), "jsonl")):
        said = ctl.run(*words)
        assert said.returncode == USAGE and word in said.stderr


# Schema

@pytest.mark.parametrize("words", [
    ("migrate",), ("user", "create", "--email", "b@x.test", "--username", "b"),
    ("user", "set-password", "ann", "--password-stdin"),
    ("user", "unlock", "ann"), ("user", "reset-2fa", "ann"),
    ("user", "deactivate", "ann"), ("user", "set-role", "ann", "admin"),
    ("user", "import", "-"), ("user", "import", "-", "--dry-run"),
    ("key", "generate"), ("queue", "retry", "--all"),
    ("kafka", "retry", "--all"), ("webhook", "retry", "--all")])
def test_a_database_that_takes_no_writes_is_named(ctl, words):
    """A standby is told apart from others that are read-only elsewhere."""
    ctl.create("ann")
    name = ctl.env["DATABASE_URL"].split("dbname=")[1].split()[0]
    ctl.sql(f"alter database {name} set default_transaction_read_only = on")
    text = PASSWORD if "--password-stdin" in words else (
        "email,username\nb@x.test,b\n")
    said = ctl.run(*words, stdin=text)
    assert said.returncode == UNAVAILABLE
    assert "posternctl: The database is read-only" in said.stderr


def test_migrate_twice_changes_nothing(fresh):
    assert fresh.run("migrate", "--status").returncode == FAILED
    assert fresh.json("migrate")["applied"] > 0
    assert fresh.json("migrate")["applied"] == 0
    assert {m["state"] for m in fresh.json("migrate", "--status")} == {
        "applied"}


def test_migrate_leaves_what_others_own_alone(fresh, server):
    """An extension's functions and views stand in the same schema."""
    fresh("migrate")
    name = psycopg2.extensions.parse_dsn(fresh.env["DATABASE_URL"])["dbname"]
    with psycopg2.connect(server, dbname=name) as db:
        with db.cursor() as cursor:
            cursor.execute("create extension pg_stat_statements; create "
                           "table others (); create function others_do() "
                           "returns void language sql as ''; revoke all on "
                           "function others_do() from public")
    fresh("migrate")
    assert fresh.sql("select has_table_privilege('ctl_app', 'others', "
                     "'select'), has_function_privilege('ctl_app', "
                     "'others_do()', 'execute')") == [(False, False)]


def test_the_programs_role_cannot_change_the_schema(ctl):
    """Row CF6."""
    with psycopg2.connect(ctl.env["DATABASE_URL"]) as db:
        with db.cursor() as cursor:
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute("drop table users")


def test_doctor_tells_what_is_missing(fresh):
    found = json.loads(fresh("doctor", "--json", exits=FAILED))
    assert [f for f in found if f["check"] == "schema"][0]["state"] == "FAULT"
    fresh("migrate")
    # the scratch server writes without fsync
    found = {f["check"]: f for f in json.loads(fresh("doctor", "--json"))}
    assert found["schema"]["state"] == "ok"
    assert found["durability"]["state"] == "warning"
    assert found["database role"]["state"] == "ok"
    assert found["worker"]["state"] == "warning"
    assert found["keys"]["state"] == "ok"
    done = fresh.run("doctor", ENVIRONMENT="production")
    assert done.returncode == FAILED and "durability" in done.stdout


def test_nothing_is_made_before_the_service_makes_it(fresh, tmp_path):
    """The runtime directory would be the administrator's, and the service
    could not start in it."""
    run = tmp_path / "run"
    fresh("migrate", RUNTIME_DIR=str(run))
    done = fresh.run("doctor", "--json", RUNTIME_DIR=str(run))
    found = {f["check"]: f for f in json.loads(done.stdout)}
    assert found["runtime directory"]["state"] == "warning"
    assert "not there yet" in found["runtime directory"]["detail"]
    fresh("user", "create", "--email", "a@x.test", "--username", "ann",
          "--password-stdin", stdin=PASSWORD + "\n", RUNTIME_DIR=str(run))
    assert not run.exists()
    run.mkdir()
    fresh("doctor", RUNTIME_DIR=str(run))
    fresh("user", "deactivate", "ann", RUNTIME_DIR=str(run))
    assert list(run.iterdir()) == []


@pytest.fixture
def relay(tmp_path):
    started = []

    def start(*options):
        started.append(Relay(tmp_path / f"mail{len(started)}",
                             *options).start())
        return started[-1]
    yield start
    for r in started:
        r.stop()


def diagnosis(ctl, check, **env):
    """State and detail of one check."""
    done = ctl.run("doctor", "--json", **env)
    found = {f["check"]: f for f in json.loads(done.stdout)}[check]
    return found["state"], found["detail"]


def at(relay, **more):
    return dict({"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(relay.port)},
                **more)


def test_doctor_names_the_setting_that_keeps_mail_from_going_out(ctl, relay):
    plain, login = relay(), relay("--auth", "ann", "s3cret-Pa55")
    assert diagnosis(ctl, "mail", **at(plain, SMTP_USE_TLS="false")
                     )[0] == "ok"
    for server, more, state, word in (
            (plain, {}, "FAULT", "smtp.tls"),
            (login, {"SMTP_USERNAME": "ann", "SMTP_PASSWORD": "wrong-Pa55",
                     "SMTP_USE_TLS": "false"}, "FAULT", "smtp.password"),
            (plain, {"SMTP_USERNAME": "ann", "SMTP_PASSWORD": "wrong-Pa55",
                     "SMTP_USE_TLS": "false"}, "warning", "no AUTH"),
            (plain, {"SMTP_PORT": str(free_port())}, "warning", "smtp.port")):
        got = diagnosis(ctl, "mail", **at(server, **more))
        assert got[0] == state and word in got[1], got


def test_doctor_says_what_to_do_on_this_host(ctl, tmp_path):
    state, detail = diagnosis(ctl, "worker")
    assert state == "warning" and "postern-worker --once" in detail
    state, detail = diagnosis(ctl, "log")
    assert state == "ok" and "standard error" in detail
    state, detail = diagnosis(ctl, "log", LOG_FILE="/nonexistent/here/log")
    assert state == "FAULT" and "/nonexistent/here" in detail
    assert diagnosis(ctl, "log", LOG_FILE=str(tmp_path / "log"))[0] == "ok"
    assert not (tmp_path / "log").exists()
    state, detail = diagnosis(ctl, "log", LOG_FILE=str(tmp_path))
    assert state == "FAULT" and "no file" in detail


def test_doctor_reads_every_template(ctl, tmp_path):
    """The operator's too, of which there may be one; in all languages."""
    mails = tmp_path / "mail"
    (mails / "fr").mkdir(parents=True)
    look = dict(TEMPLATE_DIR=str(tmp_path))
    (mails / "welcome.txt").write_text("Subject: Hi\n\n{{name}}\n")
    assert diagnosis(ctl, "templates", **look)[0] == "ok"
    (tmp_path / "sms").mkdir()
    for place, text in (("mail/verify.txt", "Subject: x\n\n{{broken\n"),
                        ("mail/fr/verify.txt", "Hello {{code}}\n"),
                        ("mail/welcome.html", "{{#rare}}{{{name}}}{{/rare}}"),
                        ("mail/_foot.txt", "{{> nowhere}}\n"),
                        ("sms/factor-code.txt", "{{#a}}{{/b}}\n")):
        (tmp_path / place).write_text(text)
        state, detail = diagnosis(ctl, "templates", **look)
        assert state == "FAULT" and place.split(".")[0] in detail, detail
        (tmp_path / place).unlink()


def test_doctor_knows_the_roles_that_settings_name(ctl):
    assert diagnosis(ctl, "roles", DEFAULT_ROLE="usr")[0] == "FAULT"
    state, detail = diagnosis(ctl, "roles",
                              TWO_FACTOR_REQUIRED_ROLES="admin,admins")
    assert state == "FAULT" and " admins," in detail


def test_a_test_mail_tells_what_the_relay_says(ctl, relay):
    server = relay()
    env = at(server, SMTP_USE_TLS="false", APP_NAME="Vignette")
    assert "127.0.0.1" in ctl("mail", "test", "ann@x.test", **env)
    m, = server.mails()
    assert m["Subject"] == "Test mail of Vignette"
    assert m["X-Rcpt"] == "ann@x.test"
    for word, more in (("smtp.tls", {"SMTP_USE_TLS": "true"}),
                       ("smtp.host", {"SMTP_HOST": ""})):
        done = ctl.run("mail", "test", "ann@x.test", **dict(env, **more))
        assert done.returncode == UNAVAILABLE and word in done.stderr
    assert ctl.run("mail", "test", "no address", **env).returncode
    assert len(server.mails()) == 1


def test_doctor_refuses_a_superuser(ctl, server):
    """Row CF1."""
    name = ctl.env["DATABASE_URL"].split("dbname=")[1].split()[0]
    where = psycopg2.extensions.make_dsn(server, dbname=name)
    done = ctl.run("doctor", DATABASE_URL=where)
    assert done.returncode == FAILED and "superuser" in done.stdout


# Accounts

def test_create_makes_a_verified_account_with_its_role(ctl):
    made = ctl.create("Ann", "--role", "super_admin", "--first-name", "Ann",
                      "--last-name", "Lee")
    shown = ctl.json("user", "show", "ANN@x.test")
    assert made["email"] == "ann@x.test" and shown["id"] == made["id"]
    assert shown["is_verified"] and shown["roles"] == "super_admin"
    assert shown["full_name"] == "Ann Lee" and not shown["has_password"]
    for who in (made["id"], str(made["numeric_id"]), "ann"):
        assert ctl.json("user", "show", who)["email"] == "ann@x.test"
    assert ctl.sql("select action, result from audit_logs") == [
        ("user.create", "success")]


def test_create_refuses_what_a_registration_would(ctl):
    def refused(*args, stdin="", exits=USAGE):
        ctl("user", "create", *args, stdin=stdin, exits=exits)
    name = ["--email", "a@x.test", "--username", "a"]
    refused("--email", "a@x.test")
    refused("--email", "a@x", "--username", "a b")
    refused("--email", "a@b@c", "--username", "a")
    refused(*name, "--password-stdin")
    refused(*name, "--password-stdin", stdin="short\n")
    refused(*name, "--password-stdin", stdin="password123\n")
    refused(*name, "--password-stdin", stdin="x" * 2000)
    refused(*name, "--role", "nobody", exits=NOT_FOUND)
    assert ctl.json("user", "list") == []


def test_a_taken_name_exits_4(ctl):
    ctl.create("ann")
    ctl("user", "create", "--email", "ann@x.test", "--username", "other",
        exits=CONFLICT)
    ctl("user", "create", "--email", "o@x.test", "--username", "ANN",
        exits=CONFLICT)


def test_the_password_is_nowhere_in_clear(ctl):
    """Rows PW9, LO1: not in the database, not in what is said."""
    done = ctl.run("user", "create", "--email", "a@x.test", "--username", "a",
                   "--password-stdin", stdin=PASSWORD + "\n")
    assert done.returncode == OK
    assert PASSWORD not in done.stdout + done.stderr
    (row,), = ctl.sql("select password_hash from users")
    assert row.startswith("$argon2id$")


def test_the_last_super_admin_stays(ctl):
    """Row RB4."""
    ctl.create("ann", "--role", "super_admin")
    for words in (["deactivate", "ann"], ["set-role", "ann", "user"],
                  ["delete", "ann", "--yes"]):
        ctl("user", *words, exits=CONFLICT)
    ctl.create("bob", "--role", "super_admin")
    ctl("user", "deactivate", "bob")
    ctl("user", "delete", "ann", "--yes", exits=CONFLICT)
    ctl("user", "activate", "bob")
    ctl("user", "delete", "ann", "--yes")
    ctl("user", "show", "ann", exits=NOT_FOUND)


def test_two_admins_removed_at_once_leave_one(ctl):
    """Row RB4, in parallel."""
    for i in range(4):
        names = [f"a{i}", f"b{i}"]
        for name in names:
            ctl.create(name, "--role", "super_admin")
        ctl.sql("update users set is_active = username = any(%s)", names)
        codes = []
        threads = [threading.Thread(target=lambda n=n: codes.append(
            ctl.run("user", "deactivate", n).returncode)) for n in names]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert sorted(codes) == [OK, CONFLICT]


def test_list_pages_and_filters(ctl):
    for i in range(5):
        ctl.create(f"p{i}", "--role", "admin" if i % 2 else "user")
    first = ctl.json("user", "list", "--limit", "2")
    more = ctl.json("user", "list", "--after",
                    str(first[-1]["numeric_id"]))
    assert [u["username"] for u in first + more] == [
        f"p{i}" for i in range(5)]
    assert len(ctl.json("user", "list", "--role", "admin")) == 2
    assert len(ctl.json("user", "list", "--search", "P3@")) == 1


def test_a_name_cannot_command_the_terminal(ctl):
    """Row LO3."""
    made = ctl.create("ann")
    ctl.sql("update users set full_name = %s where id = %s",
            "x\x1b[2Jy\u009bz", made["id"])
    text = ctl("user", "show", "ann")
    assert "\x1b" not in text and "\u009b" not in text


# Import

def b64(b):
    return base64.b64encode(b).decode().rstrip("=")


def foreign_hashes(password):
    p, salt = password.encode(), b"0123456789abcdef"
    pbkdf2 = hashlib.pbkdf2_hmac("sha256", p, salt, 100000)
    return {
        "bcrypt": crypt.crypt(password, crypt.mksalt(
            crypt.METHOD_BLOWFISH, rounds=1 << 10)),
        "sha512": crypt.crypt(password, crypt.mksalt(crypt.METHOD_SHA512)),
        "pbkdf2": "$pbkdf2-sha256$100000$%s$%s" % (
            b64(salt).replace("+", "."), b64(pbkdf2).replace("+", ".")),
        "scrypt": "$scrypt$ln=14,r=8,p=1$%s$%s" % (b64(salt), b64(
            hashlib.scrypt(p, salt=salt, n=1 << 14, r=8, p=1,
                           maxmem=1 << 26, dklen=32))),
    }


def write_csv(path, rows):
    with open(path, "w", newline="") as f:
        csv.writer(f).writerows(rows)
    return str(path)


def test_import_reports_bad_lines_and_keeps_the_good(ctl, tmp_path):
    path = write_csv(tmp_path / "u.csv", [
        ["E-Mail", "Username", "password_hash",
         "Full Name", "email_verified", "created_at"],
        ["a@x.test", "a", "", 'Ann "A", Lee', "true",
         "2020-01-02T03:04:05Z"],
        ["bad", "b", "", "", "", ""],
        ["c@x.test", "c", "plain-text", "", "", ""],
        ["d@x.test", "d", "$2b$31$" + "a" * 53, "", "", ""],  # row PW11
        ["e@x.test", "a", "", "", "", ""],
        ["f@x.test"],
        ["g@x.test", "g", "", "two\nlines", "", ""],
        ["h@x.test", "h", "", "", "maybe", ""],
        ["i@x.test", "i", "", "", "no", "1500000000"],
    ])
    done = ctl.run("user", "import", path, "--json")
    assert done.returncode == FAILED
    assert json.loads(done.stdout) == {
        "read": 9, "imported": 4, "without_password": 4,
        "already_there": 0, "bad": 5}
    lines = [x for x in done.stderr.splitlines() if x.startswith("line ")]
    bare = [x for x in lines if "imported without a password" in x]
    assert sorted(int(x.split()[1].rstrip(":")) for x in lines) == [
        3, 4, 5, 6, 7, 8, 10]
    assert [x.split(": ")[2] for x in sorted(bare)] == [
        "the password hash is of no known kind",
        "the password hash costs too much to check "
        "(password.import_memory_kib)"]  # row PW11
    assert "4 of them have no password" in done.stderr
    assert "/auth/password-reset/request" in done.stderr
    assert ctl.sql("select count(*) from users where password_hash is not "
                   "null") == [(0,)]
    ctl.sql("delete from users where username in ('c', 'd')")
    assert ctl.sql("select username, full_name, is_verified, "
                   "extract(epoch from created_at)::bigint from users "
                   "order by 1") == [
        ("a", 'Ann "A", Lee', True, 1577934245), ("i", None, False,
                                                  1500000000)]


def test_import_again_goes_on(ctl, tmp_path):
    rows = [["email", "username"]] + [
        [f"p{i}@x.test", f"p{i}"] for i in range(450)]
    first = write_csv(tmp_path / "part.csv", rows[:301])
    assert ctl.json("user", "import", first)["imported"] == 300
    whole = write_csv(tmp_path / "whole.csv", rows)
    dry = ctl.json("user", "import", whole, "--dry-run")
    assert ctl.sql("select count(*) from users") == [(300,)]
    assert ctl.json("user", "import", whole) == dry == {
        "read": 450, "imported": 150, "without_password": 150,
        "already_there": 300, "bad": 0}
    assert ctl.json("user", "import", whole)["imported"] == 0
    assert ctl.sql("select count(*) from users where roles = '{user}'") == [
        (450,)]


def test_import_of_json_lines(ctl, tmp_path):
    path = tmp_path / "u.jsonl"
    path.write_text("\n".join([
        json.dumps({"email": "a@x.test", "username": "a",
                    "emailVerified": True, "roles": ["admin", "user"]}),
        "", "{broken", "[1]",
        json.dumps({"email": "b@x.test", "username": "b", "x": {"y": 1},
                    "role": "nobody"}),
        json.dumps({"email": "c@x.test", "username": "c", "name": "\u00e9"}),
    ]))
    done = ctl.run("user", "import", str(path), "--json")
    assert done.returncode == FAILED
    assert json.loads(done.stdout)["imported"] == 2
    assert [x.split(":")[0] for x in done.stderr.splitlines()[:-1]] == [
        "line 3", "line 4", "line 5"]
    assert "line 4: a list begins" in done.stderr
    assert ctl.json("user", "show", "a")["roles"] == "admin, user"


def test_a_dry_run_judges_as_the_run_does(ctl, tmp_path):
    """Across batches too, and of what only the database refuses."""
    ctl.run("user", "create", "--email", "old@x.test", "--username", "taken")
    rows = [["email", "username", "password", "created_at"]] + [
        [f"p{i}@x.test", f"p{i}", "", ""] for i in range(250)]
    rows += [["again@x.test", "p3", "", ""],     # of the first batch
             ["p4@x.test", "other", "", ""],     # there by then
             ["new@x.test", "taken", "", ""],    # of another address
             ["old@x.test", "taken", "", ""],    # there before
             ["z@x.test", "z", "", "yesterday"],
             ["y@x.test", "y", "md5$salt$hash", ""]]
    path = write_csv(tmp_path / "u.csv", rows)
    before = ctl.sql("select count(*) from users")
    told = ctl.run("user", "import", path, "--dry-run", "--json")
    assert ctl.sql("select count(*) from users") == before
    assert ctl.sql("select count(*) from audit_logs where action = "
                   "'user.import'") == [(0,)]
    done = ctl.run("user", "import", path, "--json")
    assert json.loads(done.stdout) == json.loads(told.stdout) == {
        "read": 256, "imported": 251, "without_password": 251,
        "already_there": 2, "bad": 3}
    assert done.stderr == told.stderr
    assert done.returncode == told.returncode == FAILED


def test_nobody_waits_for_a_dry_run(ctl, tmp_path):
    """However slowly the file comes."""
    rows = [["email", "username"]] + [
        [f"p{i}@x.test", f"p{i}"] for i in range(200)]
    trial = subprocess.Popen([ctl.program, "user", "import", "-", "--json",
                              "--dry-run"], env=ctl.env, text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        csv.writer(trial.stdin).writerows(rows)
        trial.stdin.flush()
        until(lambda: ctl.sql("select last_value from users_numeric_id_seq"
                              )[0][0] >= 200)
        ctl.create("p7")
        csv.writer(trial.stdin).writerow(["p8@x.test", "P7"])
        out, _ = trial.communicate(timeout=60)
    finally:
        trial.kill()
    assert json.loads(out)["imported"] == 200
    assert json.loads(out)["already_there"] == 1


@pytest.mark.parametrize("text", [
    "email;username;created_at\r\n{0};{1};2024-01-31 10:00:00+00\r\n",
    "sep=;\nemail;username;full_name;created_at\n"
    '{0};{1};"Lee; Ann, Dr";2024-01-31 11:00:00+01:00\n',
    "\ufeffemail\tusername\tcreated\n{0}\t{1}\t2024-01-31T10:00:00Z\n",
    "email,username,date_joined\n{0},{1},2024-01-31 10:00:00.000 UTC\n",
    "\ufeff\r\n\r\nemail,username,created_at\r\n{0},{1},1706695200\r\n",
    "user_email,user_login,user_registered\n{0},{1},2024-01-31 10:00:00\n",
    '{{"email":"{0}","username":"{1}","created":1706695200}}\n',
    '\ufeff{{"email":"{0}","username":"{1}",'
    '"created":"2024-01-31 10:00:00+0000"}}\r\n',
    '\ufeff\n{{"email":"{0}","username":"{1}",'
    '"created":"2024-01-31T05:00:00.5-05"}}\n',
])
def test_files_as_other_programs_write_them(ctl, tmp_path, text):
    """Semicolons, tabs, marks of UTF-8, times with and without a zone."""
    path = tmp_path / ("u.csv" if "{{" not in text else "u.jsonl")
    path.write_bytes(text.format("ann@x.test", "ann").encode())
    done = ctl.run("user", "import", str(path), "--json")
    assert done.returncode == 0, done.stderr
    assert ctl.sql("select username, floor(extract(epoch from created_at)) "
                   "from users where email = 'ann@x.test'") == [
        ("ann", 1706695200)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", ["u.csv", "u.jsonl"])
def test_a_file_in_utf_16_is_said_to_be_that(ctl, tmp_path, name, encoding):
    path = tmp_path / name
    path.write_bytes("email,username\na@x.test,a\n".encode(encoding))
    done = ctl.run("user", "import", str(path))
    assert done.returncode != 0 and "UTF-16" in done.stderr


@pytest.mark.parametrize("when", [
    "2024-01-31 25:00:00", "2024-02-31", "31.01.2024", "2024-01-31 10:00:00 X",
    "2024-01-31 10:00:00+99", "-1", "2024-01-31 10"])
def test_a_time_that_is_none_is_refused_as_that(ctl, tmp_path, when):
    path = write_csv(tmp_path / "u.csv", [
        ["email", "username", "created_at"], ["a@x.test", "a", when]])
    done = ctl.run("user", "import", path)
    assert done.returncode == FAILED
    assert "created_at is neither a time" in done.stderr


def test_an_imported_name_may_be_the_accounts_own_address(ctl, tmp_path):
    """Row LG6; of nobody else, and no other that is none."""
    long = "x" * 60 + "@example.test"
    names = [("ann@x.test", "Ann@X.test"), (long, long),
             ("bob@x.test", "ann@x.test"), ("c@x.test", "."),
             ("d@x.test", "null"), ("e@x.test", "ME"), ("f@x.test", "-")]
    path = tmp_path / "u.jsonl"
    path.write_text("\n".join(json.dumps({"email": email, "username": name})
                              for email, name in names))
    done = ctl.run("user", "import", str(path), "--json")
    assert json.loads(done.stdout)["imported"] == 2
    assert [x.split(":")[0] for x in done.stderr.splitlines()
            if x.startswith("line")] == [f"line {n}" for n in range(3, 8)]
    assert ctl.sql("select username from users order by 1") == [
        ("ann@x.test",), (long,)]


def test_a_name_that_is_none_is_no_account(ctl):
    """Row LG6."""
    for name in (".", "_-.", "me", "Null", "undefined", "a b", "x" * 51):
        done = ctl.run("user", "create", "--email", "a@x.test", "--username",
                       name)
        assert done.returncode == USAGE and "--username" in done.stderr


# Keys

def test_a_new_key_is_published_before_it_signs(ctl):
    """Row JW5."""
    first = ctl.json("key", "generate")
    second = ctl.json("key", "rotate")
    states = {k["kid"]: k for k in ctl.json("key", "list")}
    assert states[first["kid"]]["state"] == "signs"
    assert states[first["kid"]]["verifies_until"]
    assert states[second["kid"]]["state"] == "published"
    third = ctl.json("key", "rotate", "--delay", "0")
    states = {k["kid"]: k["state"] for k in ctl.json("key", "list")}
    assert states[third["kid"]] == "signs"


def test_rotating_the_sealing_key_seals_everything_anew(ctl):
    """Row CF4: the old key opens, the new one seals, twice is once."""
    ctl.json("key", "generate")
    more = ctl("key", "generate", "--sealing").strip()
    assert more.startswith("2:")
    both = ctl.env["SEALING_KEYS"] + "," + more
    done = ctl.json("key", "rotate", "--sealing", SEALING_KEYS=both)
    assert done == {"version": 2, "sealed": 1, "unreadable": 0}
    done = ctl.json("key", "rotate", "--sealing", SEALING_KEYS=both)
    assert done["sealed"] == 0
    listed = ctl.json("key", "list", SEALING_KEYS=more)
    assert [k["sealing_version"] for k in listed] == [2]


def test_sealing_without_the_old_key_changes_nothing(ctl):
    ctl.json("key", "generate")
    ctl("key", "rotate", "--sealing", exits=FAILED,
        SEALING_KEYS=sealing_key(2))
    assert ctl.json("key", "list")[0]["sealing_version"] == 1


# Queue

def test_dead_letters_are_listed_and_sent_again(ctl):
    ids = [f"0199f1a0-0000-7000-8000-00000000000{i}" for i in range(3)]
    for i, state in enumerate(("dead", "dead", "done")):
        ctl.sql("insert into jobs (id, kind, payload, state, attempts, "
                "finished_at, last_error) values (%s, 'mail', '\\x00', %s, 5,"
                " now(), 'relay said no')", ids[i], state)
    assert ctl.json("queue", "stats")["dead"] == 2
    listed = ctl.json("queue", "list")
    assert [j["id"] for j in listed] == [ids[1], ids[0]]
    assert listed[0]["last_error"] == "relay said no"
    assert ctl.json("queue", "retry", ids[0]) == {"due_again": 1}
    ctl("queue", "retry", ids[0], exits=NOT_FOUND)
    assert ctl.json("queue", "retry", "--all") == {"due_again": 1}
    assert ctl.json("queue", "stats")["due"] == 2


# Development

def test_last_token_is_for_development_only(ctl):
    ctl.create("ann")
    ctl("dev", "last-token", "ann@x.test", exits=NOT_FOUND)
    assert ctl.run("dev", "last-token", "ann@x.test",
                   ENVIRONMENT="production").returncode == FAILED


def test_routes_need_no_database(fresh):
    routes = fresh.json("routes", DATABASE_URL="host=/nonexistent")
    assert {"POST", "GET"} <= {r["method"] for r in routes}
    assert [r["lane"] for r in routes if r["path"] == "/auth/login"] == [
        "heavy"]


# On the stack

def login(stack, name, password=PASSWORD):
    return stack.api.post("/auth/login", {"identifier": name,
                                          "password": password})


@pytest.fixture
def made(stack):
    """A verified account that posternctl made, and its name."""
    name = "ctl" + secrets.token_hex(5)
    stack.ctl("user", "create", "--email", name + "@x.test", "--username",
              name, "--password-stdin", input=PASSWORD + "\n")
    yield name
    stack.forget(name + "@x.test")


def test_a_made_account_logs_in_at_once(stack, made):
    answer = login(stack, made)
    assert answer.status == 200, answer
    assert answer.data["user"]["is_verified"] is True


def test_deactivation_and_roles_are_effective_on_the_next_request(stack,
                                                                  made):
    """Rows SE3, RB8."""
    me = stack.api.of(login(stack, made).data["access_token"])
    for _ in range(3):
        assert me.get("/auth/me").status == 200
    stack.ctl("user", "set-role", made, "admin")
    assert me.get("/auth/me").data["roles"] == ["admin"]
    stack.ctl("user", "deactivate", made)
    assert me.get("/auth/me").status == 401
    refused = login(stack, made)
    assert (refused.status, refused.code) == (403, "ACCOUNT_DISABLED")
    stack.ctl("user", "activate", made)
    assert login(stack, made).status == 200


@pytest.fixture
def keeps_authorization(stack):
    """A web server before the stack that passes everything on but that."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            n = int(self.headers["Content-Length"])
            answer = stack.api.send(
                "POST", self.path, self.rfile.read(n), {
                    "Content-Type": self.headers["Content-Type"]}, root=True)
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_doctor_asks_through_the_web_server(stack, keeps_authorization):
    def web(url):
        done = stack.ctl("doctor", "--json", "--set",
                         "service.public_url=" + url, check=False)
        found = {f["check"]: f for f in json.loads(done.stdout)}["web"]
        return found["state"], found["detail"]
    assert web(stack["BASE_URL"])[0] == "ok"
    state, detail = web(keeps_authorization)
    assert state == "FAULT" and "CGIPassAuth" in detail
    state, detail = web(f"http://127.0.0.1:{free_port()}")
    assert state == "warning" and "service.public_url" in detail
    state, detail = web(stack["BASE_URL"] + "/elsewhere")
    assert state == "warning" and "service.base_path" in detail


def test_an_operator_sets_a_password_and_all_sessions_end(stack, made,
                                                          inbox):
    """Row PR5: as a reset by mail, with its notice, audit row and unlock."""
    me = stack.api.of(login(stack, made).data["access_token"])
    key = me.post("/api-keys", {
        "name": "for scripts", "scopes": ["user:read"]}).data["api_key"]
    for _ in range(6):
        login(stack, made, "wrong")
    assert login(stack, made).status == 423
    done = stack.ctl("user", "set-password", made, "--password-stdin",
                     input=PASSWORD + "-9\n")
    assert "API keys that work on: 1" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr
    assert me.get("/auth/me").status == 401
    assert stack.api.get("/auth/me", X_API_Key=key).status == 200
    assert login(stack, made).status == 401
    assert login(stack, made, PASSWORD + "-9").status == 200
    assert inbox.wait(made + "@x.test", "password was changed")
    assert stack.sql(
        "select a.reason, a.result from audit_logs a join users u "
        "on u.id = a.user_id where u.username = %s and a.action = "
        "'password.reset'", made) == [("posternctl", "success")]


def test_a_password_of_an_operator_ends_a_strangers_registration(stack):
    """Who registered an address that nobody proved keeps nothing of it."""
    stranger = stack.api.new_person()
    key = stranger.api.post("/api-keys", {
        "name": "his", "scopes": ["user:read"]}).data["api_key"]
    done = stack.ctl("user", "set-password", stranger.email,
                     "--password-stdin", input=PASSWORD + "-9\n")
    assert "API keys" not in done.stdout
    assert stack.api.get("/auth/me", X_API_Key=key).status == 401
    assert stranger.api.get("/auth/me").status == 401
    assert login(stack, stranger.email, PASSWORD + "-9").status == 200
    stack.forget(stranger.email)


@pytest.mark.parametrize("password", ["short", "password123", "", "x" * 2000])
def test_an_operator_sets_no_password_the_policy_refuses(stack, made,
                                                         password):
    done = stack.ctl("user", "set-password", made, "--password-stdin",
                     input=password + "\n", check=False)
    assert done.returncode == USAGE and done.stderr
    assert login(stack, made).status == 200


def test_a_password_is_asked_for_twice_and_not_shown(ctl):
    """On a terminal; never on the command line."""
    ctl.create("ann")
    for answers, exits in ((PASSWORD, PASSWORD), OK), ((PASSWORD, "x"), USAGE):
        master, terminal = pty.openpty()
        with subprocess.Popen(
                [ctl.program, "user", "set-password", "ann"], env=ctl.env,
                stdin=terminal, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True) as asked:
            said = ""
            for answer in answers:
                while not said.endswith(": "):
                    said += asked.stdout.read(1)
                os.write(master, answer.encode() + b"\n")
                said += asked.stdout.read(1)
            said += asked.stdout.read()
        os.set_blocking(master, False)
        try:
            shown = os.read(master, 4096)
        except BlockingIOError:
            shown = b""
        os.close(terminal)
        os.close(master)
        assert asked.returncode == exits, said
        assert PASSWORD not in said and PASSWORD.encode() not in shown
    assert ctl.json("user", "show", "ann")["has_password"] is True


def test_an_operator_unlocks_an_account(stack, made):
    for _ in range(6):
        login(stack, made, "wrong")
    assert login(stack, made).status == 423
    said = stack.ctl("user", "unlock", made).stdout
    assert "wrong codes are forgotten" in said
    assert "429" in said and "limits.window" in said
    assert login(stack, made).status == 200
    assert stack.ctl("user", "unlock", made + "x", check=False
                     ).returncode == NOT_FOUND


def test_an_operator_takes_second_factors_away(stack, made):
    me = stack.api.of(login(stack, made).data["access_token"])
    setup = me.post("/auth/2fa/setup").data
    code = factor.code(setup["secret"])
    assert me.post("/auth/2fa/enable", {"code": code}).status == 200
    assert login(stack, made).data["requires_two_factor"] is True
    stack.ctl("user", "reset-2fa", made)
    assert me.get("/auth/me").status == 401
    assert "requires_two_factor" not in login(stack, made).data
    assert stack.sql("select two_factor_enabled from users where username "
                     "= %s", made) == [(False,)]


def test_last_token_gives_the_reset_link_and_the_code(stack, made):
    address = made + "@x.test"
    assert stack.api.post("/auth/password-reset/request",
                          {"email": address}).status == 200
    token = stack.ctl("dev", "last-token", address).stdout.strip()
    answer = stack.api.post("/auth/password-reset/confirm", {
        "token": token, "new_password": PASSWORD + "-2"})
    assert answer.status == 200, answer
    assert login(stack, made, PASSWORD + "-2").status == 200
    person = stack.api.new_person()
    code = stack.ctl("dev", "last-token", person.email).stdout.strip()
    answer = stack.api.post("/auth/verify-email", {
        "email": person.email, "otp": code})
    assert answer.status == 200, answer
    stack.forget(person.email)


# Of "correct horse 42", by Django, passlib, libxcrypt and PHP.
OTHERS = {
    "django": "argon2$argon2id$v=19$m=8192,t=2,p=8$c2FsdHNhbHRzYWx0$"
              "+5gBPeYePWpeMktdmjsG5Q",
    "djbcrypt": "bcrypt$$2b$04$qZauPKQc4XEJVdcURWvfjOq0nZyhoNPWnbWAzXFTNwomDj"
                "NpK8oSu",
    "djsha": "bcrypt_sha256$$2b$04$L8zpZbS3Xwu3qEoa55SWL.MAh6vEVpz3B2ja9p.Wm8"
             "SacZwI1E32G",
    "wordpress": "$wp$2y$04$yfFTlrznDukafknaUX8F4eZwbKXFzA2dgCaWQWf3rJwVBv0G4"
                 "IU52",
    "phpass": "$P$6xmFeI..oUzAAFA.GuYmSrt4Rofzm31",
    "yescrypt": "$y$j75$saltsaltsalt$g4qKcB2PH.ij2lAZBW0k7YAtuRf5AC5kmpZpcCNo"
                "Ia6",
}


def test_a_long_pass_phrase_of_bcrypt_gets_in_and_is_kept_whole(stack):
    """PHP compared its first 72 bytes, so do we, once."""
    name, phrase = "long" + secrets.token_hex(4), "a" * 60 + \
        "pass phrase longer than seventy-two bytes, whole"
    done = stack.ctl(
        "user", "import", "-", "--format", "csv", "--json",
        input=f"email,username,password\n{name}@x.test,{name},$2y$04$GONAxiId"
        "PBOh61Rw0XKoauWS.AdPXGSBXkpiWURoW4I0LIfaPI6MW\n")
    assert json.loads(done.stdout)["imported"] == 1
    assert login(stack, name, "b" + phrase).status == 401
    assert login(stack, name, phrase).status == 200
    (stored,), = stack.sql("select password_hash from users where username = "
                           "%s", name)
    assert stored.startswith("$argon2id$")
    assert login(stack, name, phrase + "!").status == 401
    assert login(stack, name, phrase).status == 200
    stack.forget(name + "@x.test")


def test_who_was_imported_without_a_password_sets_one_by_mail(stack):
    name = "bare" + secrets.token_hex(4)
    done = stack.ctl(
        "user", "import", "-", "--format", "csv", "--json", "--verified",
        input=f"email,username,password\n{name}@x.test,{name},!unusable\n")
    assert json.loads(done.stdout)["without_password"] == 1
    assert login(stack, name, "!unusable").status == 401
    assert stack.api.post("/auth/password-reset/request", {
        "email": name + "@x.test"}).status == 200
    token = stack.ctl("dev", "last-token", name + "@x.test").stdout.strip()
    assert stack.api.post("/auth/password-reset/confirm", {
        "token": token, "new_password": PASSWORD + "-2"}).status == 200
    assert login(stack, name, PASSWORD + "-2").status == 200
    stack.forget(name + "@x.test")


def test_imported_hashes_of_others_log_in_and_are_hashed_anew(stack,
                                                              tmp_path):
    """Row PW6."""
    mark = secrets.token_hex(4)
    hashes = foreign_hashes(PASSWORD)
    passwords = dict.fromkeys(hashes, PASSWORD)
    hashes.update(OTHERS)
    text = "email,username,password_hash,verified\n" + "".join(
        f'{k}{mark}@x.test,{k}{mark}," {h} ",yes\n' for k, h in hashes.items())
    done = stack.ctl("user", "import", "-", "--format", "csv", "--json",
                     input=text)
    assert json.loads(done.stdout)["imported"] == len(hashes)
    for kind in hashes:
        assert login(stack, kind + mark, "wrong").status == 401
        assert login(stack, kind + mark, passwords.get(
            kind, "correct horse 42")).status == 200, kind
        (stored,), = stack.sql("select password_hash from users where "
                               "username = %s", kind + mark)
        assert stored.startswith("$argon2id$"), kind
    stack.forget(*(f"{k}{mark}@x.test" for k in hashes))
