"""Databases that cannot serve, and strings that do not lead to one: posternctl
and postern (as plain CGI) with a Postgres of their own."""
import json
import os
import re
import secrets
import subprocess
import time

import psycopg2
import pytest

from test_ctl import CONFLICT, FAILED, Ctl, ctl, fresh, server  # noqa: F401
from test_worker import TOP, postgres, program  # noqa: F401

CONFIG = 78  # EX_CONFIG


def cgi(env, path, method="GET", body=""):
    """One request: status, headers, body, and what the log got."""
    done = subprocess.run(
        [program("postern")], input=body, capture_output=True, text=True,
        timeout=60, env={
            **env, "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": method,
            "REQUEST_URI": path, "SCRIPT_NAME": "", "PATH_INFO": path,
            "SERVER_NAME": "localhost", "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body))})
    head, _, text = done.stdout.replace("\r\n", "\n").partition("\n\n")
    headers = dict(line.split(": ", 1) for line in head.split("\n"))
    return (int(headers["Status"].split()[0]), headers,
            json.loads(text or "null"), done.stderr)


def admin(fresh, sql):  # noqa: F811
    """The superuser, who writes into a read-only database too."""
    db = psycopg2.connect(
        fresh.env["DATABASE_OWNER_URL"].replace("ctl_owner", "postgres"),
        options="-c default_transaction_read_only=off")
    db.autocommit = True
    with db.cursor() as cursor:
        cursor.execute(sql.format(db.get_dsn_parameters()["dbname"]))
    db.close()


BAD = {
    "quoted": "'postgresql://postern:hunter2@127.0.0.1:1/x'",
    "driver": "postgresql+asyncpg://postern:hunter2@127.0.0.1:1/x",
    "percent": "postgresql://postern:hunter2%@127.0.0.1:1/x",
    "at": "postgresql://postern:a@hunter2@127.0.0.1:1/x",
    "slash": "postgresql://postern:12/hunter2@127.0.0.1:1/x",
    "colon": "postgresql://postern:hunter2/x",
    "space": "host=127.0.0.1 password=a hunter2",
    "option": "postgresql://127.0.0.1:1/x?pasword=hunter2",
}
PROGRAMS = [
    ("postern", "--check"), ("postern",), ("postern-worker",),
    ("posternctl", "check-config"), ("posternctl", "doctor"),
    ("posternctl", "migrate"), ("posternctl", "user", "list"),
]


@pytest.mark.parametrize("name", ("DATABASE_URL", "DATABASE_OWNER_URL"))
@pytest.mark.parametrize("bad", BAD)
def test_no_program_shows_a_part_of_a_bad_connection_string(
        fresh, bad, name):  # noqa: F811
    env = {**fresh.env, name: BAD[bad], "GATEWAY_INTERFACE": ""}
    for words in PROGRAMS:
        done = subprocess.run([program(words[0]), *words[1:]], env=env,
                              stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60)
        said = done.stdout + done.stderr
        assert done.returncode in (FAILED, CONFIG), (words, said)
        assert name in said, words
        assert "hunter2" not in said, (words, said)


def test_a_host_that_is_not_there_is_named_by_doctor(fresh):  # noqa: F811
    done = fresh.run("doctor", DATABASE_URL="postgresql://u:hunter2@127.0.0.1"
                     ":1/x")
    assert "127.0.0.1" in done.stdout and "refused" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr


def test_a_database_that_was_not_migrated_is_not_ready(fresh):  # noqa: F811
    status, headers, body, log = cgi(fresh.env, "/health/ready")
    assert status == 503 and int(headers["Retry-After"]) > 0
    assert "posternctl migrate" in body["error"]
    assert log.count("posternctl migrate") == 1
    assert "statement failed" not in log
    status, _, body, _ = cgi(fresh.env, "/health")
    assert (status, body["status"]) == (503, "unhealthy")
    assert body["checks"]["database"]["status"] == "down"
    assert "posternctl migrate" in body["checks"]["database"]["error"]
    status, _, body, _ = cgi(dict(fresh.env, HEALTH_DETAILS="private"),
                             "/health/ready")
    assert status == 503 and "error" not in body
    status, headers, body, log = cgi(
        fresh.env, "/api/v1/auth/login", "POST",
        '{"identifier": "ann", "password": "Correct-Horse-7"}')
    assert status == 503 and int(headers["Retry-After"]) > 0
    assert log.count("posternctl migrate") == 1
    assert cgi(fresh.env, "/health/live")[0] == 200
    fresh("migrate")
    # what was seen a second ago is no reason any more
    os.unlink(fresh.env["RUNTIME_DIR"] + "/shared")
    assert cgi(fresh.env, "/health/ready")[0] == 200


@pytest.mark.parametrize("what", ("all tables in schema public", "users"))
def test_rights_that_a_dump_did_not_bring_are_told_of(
        ctl, what):  # noqa: F811
    """As after pg_restore --no-privileges."""
    ctl.sql(f"revoke all on {what} from ctl_app")
    status, headers, body, log = cgi(
        ctl.env, "/api/v1/auth/login", "POST",
        '{"identifier": "ann", "password": "Correct-Horse-7"}')
    assert (status, body["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert int(headers["Retry-After"]) > 0
    assert log.count("posternctl migrate") == 1
    if what != "users":
        assert cgi(ctl.env, "/health/ready")[0] == 503
        assert "posternctl migrate" in ctl.run("doctor").stdout
    ctl("migrate")
    assert cgi(ctl.env, "/api/v1/auth/login", "POST", '{"identifier": "ann", '
               '"password": "Correct-Horse-7"}')[0] == 401


def test_a_worker_without_a_schema_says_so_once(fresh):  # noqa: F811
    worker = subprocess.Popen([program("postern-worker")], env=fresh.env,
                              stderr=subprocess.PIPE, text=True)
    try:
        lines = [worker.stderr.readline()]
        while "posternctl migrate" not in lines[-1]:
            assert lines[-1], lines
            lines.append(worker.stderr.readline())
        with pytest.raises(subprocess.TimeoutExpired):
            worker.wait(3)
    finally:
        worker.terminate()
        rest = worker.stderr.read()
        worker.wait(30)
        worker.stderr.close()
    said = "".join(lines) + rest
    # the courier is a process of its own
    assert said.count("posternctl migrate") <= 2, said
    assert said.count("\n") < 12, said


def test_a_database_that_takes_no_writes_is_not_ready(ctl):  # noqa: F811
    assert cgi(ctl.env, "/health/ready")[0] == 200
    os.unlink(ctl.env["RUNTIME_DIR"] + "/shared")
    admin(ctl, "alter database {} set default_transaction_read_only = on")
    status, headers, body, _ = cgi(ctl.env, "/health/ready")
    assert status == 503 and int(headers["Retry-After"]) > 0
    assert "read-only" in body["error"]
    assert cgi(ctl.env, "/health")[0] == 503
    assert "read-only" in ctl.run("doctor").stdout
    os.unlink(ctl.env["RUNTIME_DIR"] + "/shared")
    admin(ctl, "alter database {} reset default_transaction_read_only")
    assert cgi(ctl.env, "/health/ready")[0] == 200


def test_a_write_is_tried_once_a_second_and_host(ctl):  # noqa: F811
    """The second look within it believes the first one."""
    assert cgi(ctl.env, "/health/ready")[0] == 200
    began = time.monotonic()
    writers = []
    for _ in range(10):
        cgi(ctl.env, "/health/ready")
        cgi(ctl.env, "/health")
        writers += ctl.sql("select xmax from queue_alarm")
    seconds = time.monotonic() - began
    assert len(set(writers)) <= seconds + 2
    assert ctl.sql("select pg_relation_size('queue_alarm') <= 8192") == [
        (True,)]


def test_a_newer_schema_is_said_to_be_fine(ctl):  # noqa: F811
    ctl.sql("insert into schema_migrations values (9000, '9000_moon.sql', '')")
    rows = {r["check"]: r for r in ctl.json("doctor")
            if r["check"] == "schema"}
    assert rows["schema"]["state"] == "ok"
    assert "9000_moon.sql" in rows["schema"]["detail"]
    assert "fine" in ctl("migrate")
    assert {m["state"] for m in ctl.json("migrate", "--status")} == {
        "applied", "newer"}
    assert cgi(ctl.env, "/health/ready")[0] == 200
    ctl.sql("comment on table schema_migrations is 'oldest program: 8000'")
    ctl("migrate", exits=CONFLICT)
    ctl("migrate", "--status", exits=FAILED)


def test_a_database_of_another_encoding_is_refused(fresh):  # noqa: F811
    name = "latin_" + secrets.token_hex(4)
    admin(fresh, f"create database {name} owner ctl_owner encoding 'LATIN1' "
          "template template0")
    url = re.sub("dbname=[a-z0-9_]+", "dbname=" + name,
                 fresh.env["DATABASE_OWNER_URL"])
    done = fresh.run("migrate", DATABASE_OWNER_URL=url)
    assert done.returncode == CONFLICT
    assert "LATIN1" in done.stderr and "UTF8" in done.stderr


def test_without_an_audit_log_nothing_is_written(ctl):  # noqa: F811
    """By the name of the connection, which every pooler hands on."""
    for url in (ctl.env["DATABASE_URL"],
                ctl.env["DATABASE_URL"] + " application_name=mine"):
        ctl.json("user", "create", "--email", secrets.token_hex(4) +
                 "@x.test", "--username", secrets.token_hex(4),
                 ENABLE_AUDIT_LOGGING="false", DATABASE_URL=url)
    assert ctl.sql("select count(*) from audit_logs") == [(0,)]
    ctl.create("loud")
    assert ctl.sql("select count(*) > 0 from audit_logs") == [(True,)]


@pytest.fixture
def pooled(tmp_path_factory):
    """A database behind PgBouncer in transaction mode."""
    where = tmp_path_factory.mktemp("pool")
    for d in (where, where.parent, where.parent.parent):
        os.chmod(d, 0o755)
    env = dict(os.environ, SCRATCH_WITHOUT="redis")
    scratch = os.path.join(TOP, "tests", "scratch")
    lines = subprocess.run([scratch, "start", str(where / "s")], env=env,
                           check=True, capture_output=True, text=True).stdout
    places = dict(x.split("=", 1) for x in lines.splitlines())
    yield {"PATH": os.environ["PATH"], "POSTERN_CONFIG": "",
           "JWT_SECRET": secrets.token_hex(32),
           "RUNTIME_DIR": str(tmp_path_factory.mktemp("run")),
           "DATABASE_URL": places["SCRATCH_POOL"],
           "DATABASE_OWNER_URL": places["SCRATCH_OWNER"]}
    subprocess.run([scratch, "stop", str(where / "s")], env=env, check=True)


def test_a_pooler_is_no_obstacle_to_having_no_audit_log(pooled):
    assert Ctl(program("posternctl"), pooled).run("migrate").returncode == 0
    db = psycopg2.connect(pooled["DATABASE_OWNER_URL"])
    db.autocommit = True
    body = '{"identifier": "ann", "password": "Correct-Horse-7"}'
    with db.cursor() as cursor:
        # in turns, for they share the pooler's connections
        for audit, kept in ("false", 0), ("true", 1), ("false", 1):
            status, _, _, log = cgi(
                dict(pooled, ENABLE_AUDIT_LOGGING=audit),
                "/api/v1/auth/login", "POST", body)
            assert status == 401, log
            cursor.execute("select count(*) from audit_logs")
            assert cursor.fetchone() == (kept,)
    assert cgi(dict(pooled, ENABLE_AUDIT_LOGGING="false"),
               "/health/ready")[0] == 200
    db.close()


@pytest.mark.parametrize("state", (
    "53100", "53300", "57000", "57P01", "58000", "58030", "58P01", "XX000",
    "XX001", "XX002"))
def test_a_broken_server_is_said_to_be_unavailable(ctl, state):  # noqa: F811
    """And not that a fault of ours was met, for it passes."""
    ctl.sql("create function broken() returns trigger language plpgsql as "
            f"$$begin raise 'hunter2' using errcode = '{state}'; end$$; "
            "create trigger broken before insert on attempts execute "
            "function broken()")
    status, headers, body, log = cgi(
        ctl.env, "/api/v1/auth/login", "POST",
        '{"identifier": "ann", "password": "Correct-Horse-7"}')
    assert (status, body["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert int(headers["Retry-After"]) > 0
    assert "hunter2" not in log
    ctl.sql("drop function broken() cascade")
    assert cgi(ctl.env, "/api/v1/auth/login", "POST", '{"identifier": "ann", '
               '"password": "Correct-Horse-7"}')[0] == 401


def test_a_secret_file_that_all_can_read_is_told_at_a_start(
        ctl, tmp_path):  # noqa: F811
    """As Docker and Kubernetes mount it; a request of CGI repeats nothing."""
    path = tmp_path / "secret"
    path.write_text(secrets.token_hex(32))
    path.chmod(0o444)
    env = {**ctl.env, "JWT_SECRET": "", "JWT_SECRET_FILE": str(path)}
    status, _, _, log = cgi(env, "/health/live")
    assert status == 200 and "JWT_SECRET_FILE" not in log
    done = subprocess.run([program("postern"), "--check"], env=env,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "JWT_SECRET_FILE" in done.stderr
    ctl = Ctl(ctl.program, env)
    assert "JWT_SECRET_FILE" in ctl.run("check-config").stderr
    assert {r["state"] for r in json.loads(ctl.run("doctor", "--json").stdout)
            if "JWT_SECRET_FILE" in r["detail"]} == {"warning"}
    path.chmod(0o446)
    assert ctl.run("check-config").returncode == FAILED
