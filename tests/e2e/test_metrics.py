"""/metrics over all workers: row LO6."""
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from staff import staff
from test_master import Master, request
from until import until

LINE = re.compile(r'^([a-z_]+)(\{[a-z]+="[^"]*"\})? ([0-9.e+]+)$')


def metrics(stack, path="/metrics", **headers):
    answer = stack.api.root("GET", path, **headers)
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"].startswith("text/plain")
    return values_of(answer.body.decode())


def values_of(text):
    values = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            match = LINE.match(line)
            assert match, line
            values[match[1] + (match[2] or "")] = float(match[3])
    return values


def test_003_the_names_of_the_document(stack, person):
    before = metrics(stack)
    person.login()
    person.try_login("wrong")
    person.api.get("/auth/me")
    person.anonymous.of("nonsense").get("/auth/me")
    after = metrics(stack)

    def more(name):
        return after[name] - before[name]
    assert more('auth_login_attempts_total{status="success"}') == 1
    assert more('auth_login_attempts_total{status="failure"}') == 1
    assert more('auth_token_validations_total{status="success"}') == 1
    assert more('auth_token_validations_total{status="failure"}') == 1
    assert more('http_requests_total{class="4xx"}') == 2
    assert more('auth_tokens_issued_total') == 1
    assert more("db_query_duration_seconds_count") > 0
    assert after["postern_database_up"] == 1
    assert 0 < time.time() - after["postern_start_time_seconds"] < 3600
    assert {f'{name}{{queue="{queue}"}}' for queue in ("jobs", "webhooks")
            for name in ("queue_depth", "queue_oldest_seconds", "queue_dead")
            } | {"queue_backlog_alarm"} <= set(after)


def test_all_workers_answer_for_all(stack, person):
    """Whichever is asked."""
    name = 'http_requests_total{class="2xx"}'
    seen = [metrics(stack)[name] for _ in range(30)]
    assert seen == sorted(seen) and len(set(seen)) == 30


def test_keys_and_permissions_are_counted(stack):
    admin = staff(stack, "admin")
    key = admin.api.post("/api-keys", {"name": "k", "scopes": ["user:read"]}
                         ).data["api_key"]
    before = metrics(stack)
    admin.anonymous.get("/auth/me", X_API_Key=key)
    admin.anonymous.get("/auth/me", X_API_Key=key + "x")
    admin.api.get("/admin/users")
    admin.api.post("/roles", {"name": "x"})
    after = metrics(stack)
    for name in ("auth_api_key_requests_total",
                 "auth_permission_checks_total"):
        for status in ("success", "failure"):
            label = f'{name}{{status="{status}"}}'
            assert after[label] - before[label] == 1, label


def test_what_knew_of_a_token_is_counted(stack, person):
    def more(name, label):
        name = f"{name}{{{label}}}"
        return metrics(stack)[name] - before[name]
    before = metrics(stack)
    for _ in range(3):
        assert person.api.get("/auth/me").status == 200
    proofs = {by: more("auth_token_proofs_total", f'by="{by}"')
              for by in ("host", "redis", "postgres")}
    assert sum(proofs.values()) == 3
    assert proofs["postgres"] >= 1
    # What was proved is believed until it is in doubt, on any worker.
    until(lambda: person.api.get("/auth/me").status == 200 and
          more("auth_token_proofs_total", 'by="host"') > 0)


@pytest.mark.stack(ENABLE_RATE_LIMITING="true")
def test_settlements_are_counted(stack, person):
    name = 'auth_limit_settlements_total{status="success"}'
    before = metrics(stack)[name]
    until(lambda: person.api.get("/auth/me").status == 200 and
          metrics(stack)[name] > before, "a settlement")


def test_histograms_add_up(stack, person):
    values = metrics(stack)
    for family in ("http_request_duration_seconds",
                   "db_query_duration_seconds",
                   "redis_command_duration_seconds"):
        buckets = [v for k, v in values.items()
                   if k.startswith(family + "_bucket")]
        assert buckets == sorted(buckets) and len(buckets) == 15
        assert values[family + '_bucket{le="+Inf"}'] == \
            values[family + "_count"]


def test_the_queue_empties(stack, person):
    until(lambda: metrics(stack)['queue_depth{queue="jobs"}'] == 0, "mails are gone")


@pytest.mark.stack(TRUSTED_PROXIES="127.0.0.1")
def test_not_for_everybody(stack):
    """Row LO6."""
    for address, status in (("192.0.2.1", 403), ("2001:db8::1", 403),
                            ("127.0.0.1", 200), ("::1", 200)):
        answer = stack.api.root("GET", "/metrics", X_Forwarded_For=address)
        assert answer.status == status, address


SPEAKS = {"X-Forwarded-For": "203.0.113.9", "X-Real-IP": "203.0.113.9",
          "Forwarded": "for=203.0.113.9"}


def test_what_is_open_to_this_host_is_closed_behind_its_proxy(stack):
    """A proxy here that is not trusted would let everybody in as this host.
    It is said once."""
    def told():
        with open(stack["LOG_DIR"] + "/master.log") as f:
            return f.read().count("service.trusted_proxies")
    said = set()
    for name, value in SPEAKS.items():
        assert stack.api.send("GET", "/metrics", headers={name: value},
                              root=True).status == 403, name
        said.add(told())
    assert len(said) == 1 and said != {0}
    assert stack.api.root("GET", "/metrics").status == 200


@pytest.mark.stack(ENABLE_IP_WHITELIST="true", ENVIRONMENT="development",
                   ADMIN_WHITELIST_IPS="127.0.0.0/8")
def test_administration_is_closed_behind_a_proxy_of_this_host(stack):
    boss = staff(stack, "admin")
    assert boss.api.get("/admin/stats").status == 200
    assert boss.api.get("/admin/stats", X_Forwarded_For="203.0.113.9"
                        ).status == 403


@pytest.mark.stack(TRUSTED_PROXIES="127.0.0.1")
def test_a_trusted_proxy_that_names_nobody_opens_nothing(stack):
    for value in ("unknown", "203.0.113.9, junk", ""):
        assert stack.api.root("GET", "/metrics", X_Forwarded_For=value
                              ).status == 403, value
    assert stack.api.root("GET", "/metrics", X_Real_IP="203.0.113.9"
                          ).status == 403
    assert stack.api.root("GET", "/metrics").status == 200


def test_nothing_of_people_is_in_it(stack, person):
    text = stack.api.root("GET", "/metrics").body.decode()
    assert person.id not in text and person.username not in text


class Spawned:
    """As many processes of postern as spawn-fcgi starts, each for itself."""

    def __init__(self, stack, directory, n, hand):
        self.path = str(directory / "sock")
        self.pids = str(directory / "pids")
        run = str(directory / "run")
        script = (f". {stack['STATE_DIR']}/env.sh; export RUNTIME_DIR={run}"
                  f" POSTERN_SINGLE=1 FCGI_TRANSPORT={hand};"
                  f" exec spawn-fcgi -s {self.path} -F {n} -P {self.pids}"
                  f" -- {stack['BIN_DIR']}/postern")
        subprocess.run(["sh", "-c", script], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def get(self, uri):
        conn = socket.socket(socket.AF_UNIX)
        conn.connect(self.path)
        conn.settimeout(30)
        conn.sendall(request(uri, REMOTE_ADDR="127.0.0.1"))
        return Master.answer(conn)

    def processes(self):
        with open(self.pids, encoding="ascii") as file:
            return [int(p) for p in re.findall(r"\d+", file.read())]

    def end(self):
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass


@pytest.fixture(params=["own", "libfcgi"])
def spawned(request, stack, tmp_path):
    """Whichever hand speaks FastCGI."""
    some = Spawned(stack, tmp_path, 3, request.param)
    yield some
    some.end()


def test_processes_of_spawn_fcgi_count_together(spawned):
    """Three that share no parent, and one of them dies: the counters are in
    a file that all of them map."""
    name = 'http_requests_total{class="4xx"}'

    def seen():
        status, text = spawned.get("/metrics")
        assert status == 200
        return values_of(text)[name]

    def ask(first, last):
        """An answer is counted behind it."""
        for i in range(first, last):
            assert spawned.get("/api/v1/auth/me")[0] == 401
            until(lambda: seen() == i + 1, "it is counted")
    assert len(spawned.processes()) == 3
    ask(0, 30)
    os.kill(spawned.processes()[0], signal.SIGKILL)
    ask(30, 40)


def switches(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"\nvoluntary_ctxt_switches:\s*(\d+)",
                             file.read())[1])


def test_who_wakes_up_and_dies_leaves_the_request_to_others(spawned):
    """Of processes that nobody replaces. The one that is asked first has no
    time to die before the request comes: others are busy."""
    for _ in range(10):
        assert spawned.get("/health/live")[0] == 200
    first = max(spawned.processes(), key=switches)
    busy = [subprocess.Popen(["sh", "-c", "while :; do :; done"])
            for _ in os.sched_getaffinity(0)]
    try:
        os.sched_setscheduler(first, os.SCHED_IDLE, os.sched_param(0))
        os.kill(first, signal.SIGKILL)
        assert spawned.get("/health/live")[0] == 200
    finally:
        for process in busy:
            process.kill()
            process.wait()


def test_what_003_and_operators_look_for_is_there(stack, person):
    """Every family, from the first request on."""
    values = metrics(stack)
    for family in ("auth_login_attempts_total", "auth_password_checks_total",
                   "auth_token_validations_total",
                   "auth_two_factor_attempts_total",
                   "auth_api_key_requests_total",
                   "auth_permission_checks_total"):
        for status in ("success", "failure"):
            assert f'{family}{{status="{status}"}}' in values
    for limit in ("login", "register", "signup", "password_reset",
                  "anonymous", "user", "admin", "api_key", "other"):
        assert f'auth_rate_limit_hits_total{{limit="{limit}"}}' in values


@pytest.mark.stack(ENABLE_RATE_LIMITING="true", RATE_LIMIT_LOGIN="1",
                   TRUSTED_PROXIES="127.0.0.1")
def test_limits_that_were_met_are_counted(stack):
    name = 'auth_rate_limit_hits_total{limit="login"}'
    before = metrics(stack)[name]
    for _ in range(3):
        stack.api.post("/auth/login", {}, X_Forwarded_For="192.0.2.77")
    assert metrics(stack)[name] - before >= 2
