"""Settings that no other test changes, all on one stack: each changed value
changes something. tests/unit/config/test_settings.c names the test of each
setting, or tries it itself."""
import atexit
import base64
import http.server
import json
import os
import pathlib
import shutil
import ssl
import tempfile
import threading
import time

import pytest

from factor import Enrolled
from staff import staff
from test_audit import intact, old  # noqa: F401
from test_webhooks import hook
from test_worker import make_ca
from until import until


def authority():
    """The settings of the stack are known when tests are collected."""
    if "POSTERN_DEV_DIR" not in os.environ:
        return [None, None, None]
    where = pathlib.Path(tempfile.mkdtemp(prefix="postern-ca-"))
    atexit.register(shutil.rmtree, where, ignore_errors=True)
    where.chmod(0o755)
    return make_ca(where)


CA, CERT, SECRET = authority()
LIMITS = {"RATE_LIMIT_LOGIN": 1001, "RATE_LIMIT_REGISTER": 1002,
          "RATE_LIMIT_SIGNUP": 1003, "RATE_LIMIT_PASSWORD_RESET": 1004,
          "RATE_LIMIT_ANONYMOUS": 1005, "RATE_LIMIT_USER": 1006,
          "RATE_LIMIT_ADMIN": 1007}
pytestmark = pytest.mark.stack(
    ACCOUNT_ERASE_AFTER="1d", ACCOUNT_LOCK_DURATION="90s",
    ADMIN_NEEDS_FACTOR="true", API_KEY_LENGTH="48", API_KEY_MAX_RATE="50",
    API_KEY_PREFIX="gate_", AUDIT_KEEP="100d", AUDIT_KEEP_ADDRESSES="60d",
    AUDIT_KEEP_FAILED_LOGINS="8d", DEFAULT_ROLE="guest",
    ENABLE_RATE_LIMITING="true", ENABLE_SESSION_CLEANUP="false",
    JWT_AUDIENCE="gatehouse", JWT_REFRESH_TOKEN_TTL="2d",
    LOGIN_ATTEMPT_WINDOW="60s", MAX_LOGIN_ATTEMPTS="2", MAX_REQUESTS="50",
    METRICS_NETWORKS="192.0.2.0/24", PASSWORD_CHANGE_NEEDS_FACTOR="true",
    RATE_LIMIT_WINDOW="77s", SESSION_CLEANUP_INTERVAL="2s",
    SESSION_MAX_AGE="3d", TWO_FACTOR_MAX_SUBJECTS="1",
    WEBHOOKS_ALLOW_PRIVATE="true", WEBHOOKS_CA_FILE=CA,
    **{name: str(n) for name, n in LIMITS.items()})


@pytest.fixture(autouse=True)
def guest(stack):
    stack.sql("insert into roles (name) values ('guest') on conflict do "
              "nothing")


@pytest.fixture
def person(guest, api):  # the role first
    return api.new_person()


def claims(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_tokens_and_sessions(stack, person):
    assert claims(person.access)["aud"] == "gatehouse"
    assert stack.sql(
        "select round(extract(epoch from expires_at - created_at) / 3600), "
        "round(extract(epoch from absolute_expires_at - created_at) / 3600) "
        "from sessions where user_id = %s", person.id) == [(48, 72)]


def test_accounts(stack, person):
    assert person.api.get("/auth/me").data["roles"] == ["guest"]
    assert person.api.delete("/auth/me").status == 200
    assert stack.sql("select round(extract(epoch from erase_at - now()) / "
                     "3600) from users where id = %s", person.id) == [(24,)]


def test_a_password_wants_the_factor(stack, person):
    """Row PW8."""
    Enrolled(stack, person).prove()
    change = {"old_password": person.password,
              "new_password": "Bb2-another-one-"}
    stack.age_proof(person, 6)
    assert person.api.post("/auth/change-password",
                           change).code == "REAUTH_REQUIRED"


@pytest.mark.parametrize("name, method, path", [
    ("RATE_LIMIT_LOGIN", "POST", "/auth/login"),
    ("RATE_LIMIT_REGISTER", "POST", "/auth/register"),
    ("RATE_LIMIT_SIGNUP", "POST", "/auth/signup"),
    ("RATE_LIMIT_PASSWORD_RESET", "POST", "/auth/password-reset/request"),
    ("RATE_LIMIT_ANONYMOUS", "POST", "/auth/resend-otp"),
    ("RATE_LIMIT_USER", "GET", "/auth/me"),
    ("RATE_LIMIT_ADMIN", "GET", "/admin/users")])
def test_limits(stack, person, name, method, path):
    stack.forget_limits()  # of the window of other settings
    asks = person.api if method == "GET" else person.anonymous
    answer = asks.send(method, path, {} if method == "POST" else None)
    assert answer.headers["X-RateLimit-Limit"] == str(LIMITS[name])
    left = int(answer.headers["X-RateLimit-Reset"]) - time.time()
    if name in ("RATE_LIMIT_LOGIN", "RATE_LIMIT_REGISTER"):
        assert left < 80


def test_lockout(stack, person):
    assert person.try_login("Aa1-not-the-one").status == 401
    (left,), = stack.sql(
        "select min(extract(epoch from expires_at - now())) from attempts "
        "where bucket like '%%' || %s || '%%'", person.id)
    assert left <= 60
    assert person.try_login("Aa1-not-the-one").status == 401
    answer = person.try_login()
    assert answer.status == 423
    assert int(answer.headers["Retry-After"]) <= 90


def test_api_keys(person):
    made = person.api.post("/api-keys", {
        "name": "tests", "scopes": ["user:read"], "rate_limit": 60}).data
    assert made["api_key"].startswith("gate_")
    assert len(made["api_key"].split("_")[2]) >= 64  # of 48 bytes, base62
    answer = person.anonymous.get("/auth/me", X_API_Key=made["api_key"])
    assert answer.headers["X-RateLimit-Limit"] == "50"


def test_subjects(person):
    key = person.api.post("/api-keys", {
        "name": "app", "scopes": ["2fa:write"]}).data["api_key"]
    setup = [person.anonymous.of(key).post("/2fa/totp/setup", {"userId": who})
             for who in ("one", "two")]
    assert [answer.status for answer in setup] == [200, 422]
    assert "for 1 users" in setup[1].json["errors"][0]["message"]


def test_administration_wants_a_factor(stack):
    boss = staff(stack, "admin")
    assert boss.api.get("/admin/users").code == "TWO_FACTOR_REQUIRED"


def test_metrics_are_for_networks(api):
    assert api.root("GET", "/metrics").status in (403, 404)


def test_a_worker_is_replaced(api, stack):
    def workers():
        master = stack.pid("master")
        path = f"/proc/{master}/task/{master}"
        return set(pathlib.Path(path + "/children").read_text().split())
    before = workers()
    until(lambda: api.get("/info").status == 200 and workers() - before,
          "another worker")


def test_ended_sessions_can_stay(stack, person):
    """What else is over goes, every two seconds."""
    stack.sql("update sessions set expires_at = now() - interval '9 days' "
              "where user_id = %s", person.id)
    stack.sql("insert into attempts values ('of-the-past', 1, now() - "
              "interval '9 days')")
    stack.sql("update cron_jobs set next_run = now() where name = "
              "'maintenance'")
    until(lambda: not stack.sql("select 1 from attempts where bucket = "
                                "'of-the-past'"), "maintenance")
    assert stack.sql("select count(*) from sessions where user_id = %s",
                     person.id) == [(1,)]
    assert stack.sql("select extract(epoch from next_run - last_run) from "
                     "cron_jobs where name = 'maintenance'") == [(2,)]


def test_the_audit_log_is_kept(stack, old):  # noqa: F811
    """Of rows of 401 and 410 days by default, and failed logins of 31."""
    stack.sql("update cron_jobs set next_run = now()")
    left = [(91, "auth.login", "198.51.100.0/24"), (91, "auth.logout", None),
            (89, "auth.login", "198.51.100.0/24")]
    until(lambda: stack.sql(
        "select extract(day from now() - created_at)::int, action, ip_address"
        " from audit_logs where user_id is null and created_at < now() - "
        "interval '1 day' order by id") == left, "what is old gone")


class Https(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got += 1
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


def test_a_receiver_may_be_of_ones_own_authority(person):
    server = http.server.HTTPServer(("127.0.0.1", 0), Https)
    server.got = 0
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERT, SECRET)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        made = hook(person, f"https://127.0.0.1:{server.server_port}/")
        assert person.api.post(f"/webhooks/{made['id']}/test").status == 200
        until(lambda: server.got, "a delivery")
    finally:
        server.shutdown()
        server.server_close()
