"""Health, information, and the stack without what it can do without."""
import os
import re
import signal

import pytest

from test_accounts import word
from test_metrics import metrics
from until import until

MOUNTS = ["", "/api", "/api/v1"]


@pytest.mark.parametrize("mount", MOUNTS)
def test_health_is_not_wrapped(api, mount):
    answer = api.root("GET", mount + "/health")
    assert answer.status == 200
    body = answer.json
    assert body["status"] == "healthy" and "data" not in body
    assert set(body["checks"]) >= {"database", "redis", "memory", "queue"}
    assert body["checks"]["queue"]["status"] == "up"
    assert body["checks"]["queue"]["dead"] >= 0


@pytest.mark.parametrize("mount", MOUNTS)
def test_probes_say_alive_and_ready(api, mount):
    """Row RE11."""
    for path in ("/health/live", "/health/ready"):
        answer = api.root("GET", mount + path)
        assert answer.status == 200 and answer.json["status"]


@pytest.mark.parametrize("mount", MOUNTS)
def test_info_tells_what_is_on(api, mount):
    answer = api.root("GET", mount + "/info")
    data = answer.data
    assert data["service"] == "Postern"
    assert re.match(r"\d+\.\d+\.\d+", data["version"])
    assert data["capabilities"]


def test_the_root_has_nothing_else(api):
    for path in ("/auth/me", "/auth/login", "/", "/api-keys"):
        assert api.root("GET", path).status == 404


def test_jwks_holds_no_shared_secret(api):
    answer = api.root("GET", "/.well-known/jwks.json")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/jwk-set+json"
    for key in answer.json["keys"]:
        assert key["kty"] == "OKP" and not {"k", "d"} & set(key)


@pytest.mark.stack(HEALTH_DETAILS="private")
def test_details_of_health_can_be_private(api):
    """Row RE11."""
    body = api.root("GET", "/health").json
    assert body["status"] == "healthy" and "checks" not in body


def whole_flow(api, inbox):
    """From registration to a new password, over either mount."""
    person = api.new_person()
    assert person.api.post("/auth/verify-email", {
        "email": person.email, "otp": inbox.otp(person.email)}).status == 200
    data = person.login()
    assert person.api.get("/auth/me").data["is_verified"] is True
    assert person.api.put("/auth/me", {"first_name": "Ada"}).status == 200
    assert person.api.get("/auth/me").data["first_name"] == "Ada"
    answer = api.of(mount="/api").post("/auth/refresh", {
        "refreshToken": data.refresh})
    assert answer.status == 200
    token = answer.json["accessToken"]
    sessions = api.of(token).get("/auth/sessions?limit=1")
    assert sessions.json["pagination"]["total"] == 2
    assert api.of(token).delete("/auth/sessions").status == 200
    api.post("/auth/password-reset/request", {"email": person.email})
    assert api.post("/auth/password-reset/confirm", {
        "token": inbox.reset_token(person.email),
        "new_password": "Bb2-another-one-"}).status == 200
    assert api.check(token) == 401
    assert person.try_login().status == 401
    answer = person.try_login("Bb2-another-one-")
    assert answer.status == 200
    token = answer.data["access_token"]
    assert api.of(token).post("/auth/logout").status == 200
    assert api.check(token) == 401
    inbox.wait(person.email, "password was changed")


def test_the_whole_flow(api, inbox):
    whole_flow(api, inbox)


@pytest.mark.stack(REDIS_HOST="")
class TestWithoutRedis:
    """Row RL8."""

    def test_the_whole_flow(self, api, inbox):
        whole_flow(api, inbox)

    def test_it_is_healthy(self, api):
        body = api.root("GET", "/health").json
        assert body["status"] == "healthy"
        assert body["checks"]["redis"]["status"] == "disabled"
        assert api.root("GET", "/health/ready").status == 200
        assert api.get("/info").data["capabilities"]["redis"] is False

    def test_lockout_and_reuse_hold(self, api, person):
        for _ in range(5):
            assert person.try_login("wrong").status == 401
        assert person.try_login().status == 423
        token = person.refresh
        assert api.post("/auth/refresh", {"refresh_token": token}
                        ).status == 200
        assert api.post("/auth/refresh", {"refresh_token": token}
                        ).status == 401
        assert api.check(person.access) == 401


@pytest.mark.stack(REDIS_HOST="127.0.0.1", REDIS_PORT="1",
                   ENABLE_RATE_LIMITING="true")
def test_a_lost_redis_degrades_and_no_more(api, stack):
    """Rows RL8, RE11: configured, but nobody answers."""
    stack.forget_limits()
    body = api.root("GET", "/health").json
    assert body["status"] == "degraded"
    assert body["checks"]["redis"]["status"] == "down"
    ready = api.root("GET", "/health/ready")
    assert (ready.status, ready.json["status"]) == (200, "degraded")
    person = api.new_person()
    assert person.api.get("/auth/me").status == 200
    statuses = [api.post("/auth/login", {
        "email": word() + "@example.test", "password": "x"}).status
        for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    person.api.post("/auth/logout")
    assert api.check(person.access) == 401
    stack.forget_limits()


def test_without_postgres_it_lives_but_is_not_ready(api, stack, person):
    """Row RE11."""
    stack.dev("stop-service", "postgres")
    try:
        assert api.root("GET", "/health/live").status == 200
        ready = api.root("GET", "/health/ready")
        assert ready.status == 503 and ready.headers["Retry-After"]
        body = api.root("GET", "/health")
        assert (body.status, body.json["status"]) == (503, "unhealthy")
        for answer in (api.post("/auth/login", {"email": person.email,
                                                "password": "x"}),
                       api.post("/auth/refresh", {
                           "refresh_token": person.refresh})):
            assert (answer.status, answer.code) == (
                503, "SERVICE_UNAVAILABLE")
            assert answer.headers["Retry-After"]
            assert "data" not in answer.json
    finally:
        stack.dev("start-service", "postgres")
        stack.reconnect()
    until(lambda: person.api.get("/auth/me").status == 200)
    until(lambda: api.root("GET", "/health").json["status"] == "healthy")
    assert api.post("/auth/refresh", {"refresh_token": person.refresh}
                    ).status == 200


class TestARedisOfNoUse:
    """It answers PING, and takes no writes, or has no room for them."""

    @pytest.fixture
    def broken(self, stack, request):
        cache = stack.cache()
        def memory(policy, size):
            cache.config_set("maxmemory-policy", policy)
            cache.config_set("maxmemory", size)

        def rights(*commands):
            cache.acl_setuser("default", enabled=True, commands=commands)
        do, undo = {
            "replica": (lambda: cache.replicaof("127.0.0.1", 1),
                        lambda: cache.replicaof("no", "one")),
            "full": (lambda: memory("noeviction", "1"),
                     lambda: memory("allkeys-lru", "64mb")),
            "ACL": (lambda: rights("-set"), lambda: rights("+@all")),
        }[request.param]
        do()
        yield request.param
        undo()
        until(lambda: stack.api.root("GET", "/health").json["checks"]
              ["redis"]["status"] == "up", "Redis is of use again")

    @pytest.mark.parametrize("broken", ["replica", "full", "ACL"],
                             indirect=True)
    def test_is_said_and_done_without(self, api, stack, person, broken):
        body = api.root("GET", "/health").json
        assert body["status"] == "degraded"
        assert body["checks"]["redis"]["status"] == "down"
        assert broken in body["checks"]["redis"]["error"]
        ready = api.root("GET", "/health/ready")
        assert ready.status == 200 and ready.json["status"] == "degraded"
        said = metrics(stack)
        assert said["postern_redis_up"] == 0
        assert any(said[n] for n in said if "redis_errors_total" in n)
        doctor = stack.ctl("doctor", check=False)
        assert doctor.returncode != 0
        assert broken in doctor.stdout
        assert person.api.get("/auth/me").status == 200
        assert person.api.post("/auth/logout").status == 200
        assert api.check(person.access) == 401


def of_proc(pid, name):
    with open(f"/proc/{pid}/{name}") as f:
        return f.read()


def test_every_process_is_confined_and_private(stack):
    """Seccomp, no new privileges, no core; memory is its own. A sanitizer looks
    into its own process, so it has no filter and is not closed."""
    with open(stack["BIN_DIR"] + "/postern", "rb") as f:
        sanitized = b"__asan_init" in f.read()
    parents = [stack.pid(name) for name in ("master", "worker")]
    children = [int(pid) for parent in parents
                for pid in of_proc(parent, f"task/{parent}/children").split()]
    names = {of_proc(pid, "comm").strip() for pid in children}
    assert {"postern-light", "postern-heavy", "postern-keeper",
            "postern-courier"} <= names
    for pid in parents + children:
        status = dict(line.split(":\t", 1)
                      for line in of_proc(pid, "status").splitlines())
        assert status["NoNewPrivs"] == "1", pid
        filters = int(status["Seccomp_filters"])
        # What forks decoders was there before the worker's filter.
        heir = pid in children and of_proc(pid, "comm") != "postern-image\n"
        assert sanitized or filters >= (2 if heir else 1)
        # What may not be dumped is root's to look at.
        assert sanitized or os.stat(f"/proc/{pid}/environ").st_uid == 0
        core = re.search(r"Max core file size +(\S+) +(\S+)",
                         of_proc(pid, "limits"))
        assert core.groups() == ("0", "0")


def test_reloads_do_not_pile_up_filters(api, stack):
    """A filter stays over a reload: the next program has it already."""
    master = stack.pid("master")

    def filters(pid):
        return int(re.search(r"Seccomp_filters:\t(\d+)",
                             of_proc(pid, "status"))[1])

    def workers():
        return set(of_proc(master, f"task/{master}/children").split())

    before = filters(master), filters(min(workers()))
    for _ in range(2):
        old = workers()
        os.kill(master, signal.SIGHUP)
        until(lambda: workers() and not workers() & old, "new workers")
        assert api.root("GET", "/health").status == 200
    assert (filters(master), filters(min(workers()))) == before


@pytest.mark.stack(SECCOMP="false")
def test_confinement_is_switched_off(stack):
    status = of_proc(stack.pid("master"), "status")
    assert "NoNewPrivs:\t1" in status and "Seccomp:\t0" in status
