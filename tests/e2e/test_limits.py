"""Rate limits: buckets, headers, who shares one; with Redis and without."""
import itertools
import secrets
import time

import pytest
import redis as redis_py

import test_accounts
from api import within
from test_api_keys import make
from test_metrics import metrics
from test_races import at_once
from until import until

DEFAULT = {"ENABLE_RATE_LIMITING": "true", "TRUSTED_PROXIES": "127.0.0.0/8"}
PROXY = dict(DEFAULT, RATE_LIMIT_MAIL_INTERVAL="0s")
COUNTER = itertools.count(1)


@pytest.fixture
def network():
    """An address of the test's own, as a proxy names it."""
    n = next(COUNTER)
    return f"10.{secrets.randbelow(255)}.{n // 250}.{n % 250 + 1}"


@pytest.fixture
def at(api, network):
    """POST from that network, or another."""
    def post(path, body, where=network, mount="/api/v1", **headers):
        return api.of(mount=mount).post(
            path, body, X_Forwarded_For=where, **headers)
    return post


def login(word=""):
    return {"identifier": "nobody" + (word or secrets.token_hex(4)),
            "password": "Aa1-not-the-one"}


def check_over(answer, limit, window=900):
    assert (answer.status, answer.code) == (429, "RATE_LIMITED")
    assert answer.json["error"] == "Rate limit exceeded"
    sentence, _, left = answer.json["message"].rpartition(" ")
    assert sentence == "Too many requests. Please try again in"
    assert left in within(window)
    assert answer.headers["X-RateLimit-Limit"] == str(limit)
    assert answer.headers["X-RateLimit-Remaining"] == "0"
    wait = int(answer.headers["Retry-After"])
    reset = int(answer.headers["X-RateLimit-Reset"])
    assert left in within(wait, 0)
    assert abs(reset - time.time() - wait) <= 60


def hashes(stack):
    """How many passwords were compared with a hash so far."""
    values = metrics(stack)
    return sum(v for k, v in values.items()
               if k.startswith("auth_password_checks_total"))


class Durable:
    """What Postgres carries too (row RL8)."""

    def test_five_logins_a_quarter_of_an_hour(self, at):
        """Row RL1."""
        left = []
        for _ in range(5):
            answer = at("/auth/login", login())
            assert answer.status == 401
            assert answer.headers["X-RateLimit-Limit"] == "5"
            left.append(int(answer.headers["X-RateLimit-Remaining"]))
        assert left == [4, 3, 2, 1, 0]
        check_over(at("/auth/login", login()), 5)

    def test_no_spelling_makes_another_bucket(self, api, at, network):
        """Row RL6: mount, slash, encoding, override, query, body."""
        ways = [("/auth/login", "/api/v1"), ("/auth/login", "/api"),
                ("/auth/login/", "/api/v1"), ("/auth/%6cogin", "/api"),
                ("/auth/login?x=1", "/api/v1")]
        for path, mount in ways:
            assert at(path, login(), mount=mount).status == 401
        for path, mount in ways:
            check_over(at(path, login(), mount=mount), 5)
        assert at("/auth/login", {}).status == 429
        assert at("/auth/login", login(), where="::ffff:" + network
                  ).status == 429

    def test_bad_requests_count_too(self, at):
        for body in ({}, {"identifier": 5}, login(), {}, {}):
            assert at("/auth/login", body).status in (401, 422)
        assert at("/auth/login", login()).status == 429

    def test_another_network_has_its_own(self, at):
        for _ in range(6):
            last = at("/auth/login", login())
        assert last.status == 429
        assert at("/auth/login", login(), where="10.255.255.1"
                  ).status in (401, 429)
        assert at("/auth/login", login(), where="192.0.2.%d" % (
            secrets.randbelow(250) + 1)).status == 401

    def test_register_signup_and_login_are_three_buckets(self, at):
        """Row RL13."""
        for path, limit, window in (("/auth/signup", 3, 3600),
                                    ("/auth/register", 5, 900)):
            for _ in range(limit):
                assert at(path, test_accounts.form()).status == 201
            check_over(at(path, test_accounts.form()), limit, window)
        assert at("/auth/login", login()).status == 401

    def test_three_resets_an_hour_per_network(self, at):
        for _ in range(3):
            assert at("/auth/password-reset/request", {
                "email": secrets.token_hex(6) + "@example.test"}
                      ).status == 200
        check_over(at("/auth/password-reset/request", {
            "email": secrets.token_hex(6) + "@example.test"}), 3, 3600)

    def test_three_resets_an_hour_per_address(self, stack, at, inbox):
        """Rows RL12, RL10: known or not. Whoever asked for them, nobody is
        turned away: the newest mail is less than an hour old."""
        made = test_accounts.form()
        assert at("/auth/register", made).status == 201
        for email in (made["email"], secrets.token_hex(6) + "@example.test"):
            statuses = [at("/auth/password-reset/request", {"email": email},
                           where=f"10.9.{secrets.randbelow(250)}.{i + 1}"
                           ).status for i in range(4)]
            assert statuses == [200] * 4
        inbox.wait(made["email"], "Reset your", 3)
        assert len(inbox.of(made["email"], "Reset your")) == 3
        assert stack.sql(
            "select count(*) from one_time o join users u on u.id = user_id"
            " where u.email = %s and purpose = 'reset' and voided_at is null"
            " and o.expires_at > now()", made["email"]) == [(1,)]

    def test_five_codes_an_hour_per_address(self, at):
        """Row RL12."""
        email = secrets.token_hex(6) + "@example.test"
        statuses = [at("/auth/resend-otp", {"email": email},
                       where=f"10.8.{secrets.randbelow(250)}.{i + 1}"
                       ).status for i in range(6)]
        assert statuses == [200] * 5 + [429]

    def test_a_network_asks_for_five_codes_an_hour(self, at):
        """Row RL12, per requester."""
        statuses = [at("/auth/resend-otp", {
            "email": secrets.token_hex(6) + "@example.test"}).status
                    for _ in range(6)]
        assert statuses == [200] * 5 + [429]

    def test_an_ipv6_site_has_sixteen_times_as_many(self, at):
        """Row RL1: whoever has a /48 has 65536 networks."""
        site = f"2001:db8:{secrets.randbelow(65535):x}"
        statuses = [at("/auth/login", {}, where=f"{site}:{i:x}::1").status
                    for i in range(81)]
        assert statuses == [422] * 80 + [429]

    def test_64_wrong_logins_at_once_cost_five_hashes(
            self, stack, api, network):
        """Row RL2: charged before the hash, not after it."""
        before = hashes(stack)
        answers = at_once(api, "/auth/login", [login()] * 64,
                          X_Forwarded_For=network)
        statuses = [status for status, _ in answers]
        assert statuses.count(401) == 5 and statuses.count(429) == 59
        assert hashes(stack) - before == 5

    def test_the_window_of_postgres_slides_too(self, stack, at, network):
        """What Redis forgot is counted as exactly as Redis would have."""
        def pass_by(minutes):
            stack.sql("update attempts set at = array(select u - %s::bigint"
                      " from unnest(at) u) where bucket = %s",
                      minutes * 60000000, "limit:login:" + network)
            stack.forget_cache()

        def statuses(n):
            return [at("/auth/login", {}).status for _ in range(n)]
        assert statuses(1) == [422]
        pass_by(14)
        assert statuses(5) == [422] * 4 + [429]
        pass_by(2)
        assert statuses(2) == [422, 429]

    def test_a_limit_holds_for_many_at_once(self, api, network):
        """Row RL2."""
        answers = at_once(api, "/auth/login", [login()] * 32,
                          X_Forwarded_For=network)
        statuses = [status for status, _ in answers]
        assert statuses.count(401) == 5 and statuses.count(429) == 27

    def test_ipv6_is_limited_by_its_64(self, at):
        """Row RL3."""
        net = f"2001:db8:{secrets.randbelow(65535):x}:1"
        for i in range(5):
            assert at("/auth/login", login(), where=f"{net}::{i + 1:x}"
                      ).status == 401
        assert at("/auth/login", login(), where=f"{net}:ffff::9"
                  ).status == 429
        assert at("/auth/login", login(), where=f"{net[:-1]}2::9"
                  ).status == 401


@pytest.mark.stack(**PROXY)
class TestWithRedis(Durable):
    def test_fifty_anonymous_requests(self, at):
        statuses = [at("/auth/refresh", {"refresh_token": "x"})
                    for _ in range(51)]
        assert [a.status for a in statuses] == [401] * 50 + [429]
        assert statuses[-1].headers["X-RateLimit-Limit"] == "50"

    def test_a_hundred_requests_of_a_user_a_minute(self, api, at):
        """The bucket is the user's: his sessions and networks share it."""
        made = test_accounts.form()
        data = at("/auth/register", made).data
        other = at("/auth/login", {"email": made["email"],
                                   "password": made["password"]}).data
        answers = [api.of(data["access_token"] if i % 2 else
                          other["access_token"]).get(
                              "/auth/me" if i % 3 else "/auth/sessions",
                              X_Forwarded_For=f"10.7.7.{i + 1}")
                   for i in range(104)]
        assert [a.status for a in answers] == [200] * 100 + [429] * 4
        assert answers[0].headers["X-RateLimit-Limit"] == "100"
        assert int(answers[0].headers["X-RateLimit-Remaining"]) == 99

    def test_a_key_has_the_number_it_was_given(self, api, at):
        """Row AK9."""
        data = at("/auth/register", test_accounts.form()).data
        person = type("P", (), {"api": api.of(data["access_token"])})
        key = make(person, rate_limit=3)["api_key"]
        answers = [api.get("/auth/me", X_API_Key=key) for _ in range(4)]
        assert [a.status for a in answers] == [200] * 3 + [429]
        assert answers[-1].headers["Retry-After"]
        for answer, left in zip(answers, "2100"):
            assert answer.headers["X-RateLimit-Limit"] == "3"
            assert answer.headers["X-RateLimit-Remaining"] == left
            assert int(answer.headers["X-RateLimit-Reset"]) > time.time()
        status = api.post("/2fa/verify", {"user_id": "x", "code": "123456"},
                          X_API_Key=make(person, rate_limit=7, scopes=[
                              "2fa:read"])["api_key"])
        assert status.headers["X-RateLimit-Limit"] == "7"

    @pytest.mark.parametrize("path", ["/auth/me", "/admin/users"])
    def test_what_a_key_may_not_is_counted_too(self, api, at, path):
        """Row AK9: a scope that it lacks, and administration."""
        data = at("/auth/register", test_accounts.form()).data
        person = type("P", (), {"api": api.of(data["access_token"])})
        key = make(person, rate_limit=2, scopes=["x"])["api_key"]
        answers = [api.get(path, X_API_Key=key) for _ in range(3)]
        assert [a.status for a in answers] == [403, 403, 429]
        assert answers[0].headers["X-RateLimit-Remaining"] == "1"

    def test_a_key_from_elsewhere_spends_nothing(self, api, at, network):
        """Row AK9: its owner keeps his number."""
        data = at("/auth/register", test_accounts.form()).data
        person = type("P", (), {"api": api.of(data["access_token"])})
        key = make(person, rate_limit=1, allowed_ips=[network])["api_key"]
        for _ in range(3):
            answer = api.get("/auth/me", X_API_Key=key)
            assert answer.status == 403
            assert answer.headers["X-RateLimit-Limit"] is None
        assert api.get("/auth/me", X_API_Key=key,
                       X_Forwarded_For=network).status == 200
        assert person.api.get("/auth/me").headers[
            "X-RateLimit-Limit"] == "100"

    def test_health_and_keys_are_for_everybody(self, api):
        for path in ("/health", "/health/live", "/health/ready", "/info",
                     "/.well-known/jwks.json"):
            for _ in range(60):
                answer = api.root("GET", path)
            assert answer.status == 200

    def test_no_key_of_redis_is_for_ever(self, stack, at):
        """Rows RL9, RL14."""
        at("/auth/login", login())
        cache = stack.cache()
        for key in cache.scan_iter():
            assert cache.ttl(key) != -1, key


@pytest.mark.stack(**PROXY)
class TestWhileRedisComesAndGoes:
    """Row RL8: whatever becomes of it, five are five."""

    @pytest.fixture
    def redis(self, stack):
        class Redis:
            def stop(self):
                stack.dev("stop-service", "redis")

            def start(self):
                stack.dev("start-service", "redis")
                until(self.answers, "Redis is back")

            def flush(self):
                stack.cache().flushall()

            def answers(self):
                try:
                    return stack.cache().ping()
                except redis_py.RedisError:
                    return False

            def nothing(self):
                pass
        yield Redis()
        if not Redis().answers():
            Redis().start()

    @pytest.mark.parametrize("turns", [
        ("nothing", "flush", "stop", "start"),
        ("stop", "start", "flush", "stop", "start"),
        ("flush", "flush", "stop", "nothing", "start", "flush"),
    ])
    def test_five_logins_are_five(self, stack, at, redis, turns):
        passed = []
        for turn in turns:
            passed.append(at("/auth/login", login()).status)
            getattr(redis, turn)()
        passed += [at("/auth/login", login()).status for _ in range(8)]
        assert passed == [401] * 5 + [429] * (len(passed) - 5)

    def test_five_of_many_at_once_are_five(self, stack, api, network, redis):
        before = hashes(stack)
        passed = []
        for turn in ("flush", "stop", "start", "flush"):
            passed += [status for status, _ in at_once(
                api, "/auth/login", [login()] * 16, X_Forwarded_For=network)]
            getattr(redis, turn)()
        assert set(passed) == {401, 429} and passed.count(401) == 5
        assert hashes(stack) - before == 5


@pytest.mark.stack(**DEFAULT)
def test_a_code_is_repeated_once_a_minute(api, at, inbox):
    """Row RL12: the first of registration is no repetition; known or not."""
    made = test_accounts.form()
    assert at("/auth/register", made).status == 201
    for email in (made["email"], secrets.token_hex(6) + "@example.test"):
        assert at("/auth/resend-otp", {"email": email}).status == 200
        again = at("/auth/resend-otp", {"email": email})
        assert (again.status, again.code) == (429, "RATE_LIMITED")
        assert 0 < int(again.headers["Retry-After"]) <= 60
    inbox.wait(made["email"], "verification code", 2)


@pytest.mark.stack(**PROXY)
def test_twenty_mails_a_day_to_an_address(stack, at):
    """Row RL12: three resets an hour would be seventy-two."""
    email = secrets.token_hex(6) + "@example.test"
    statuses = []
    for i in range(21):
        statuses.append(at("/auth/password-reset/request", {"email": email},
                           where=f"10.7.{secrets.randbelow(250)}.{i + 1}"
                           ).status)
        stack.sql("delete from attempts where bucket = %s",
                  "limit:password_reset_mail:" + email)
        stack.forget_cache()
    assert statuses == [200] * 20 + [429]


@pytest.mark.stack(REDIS_HOST="", **PROXY)
class TestWithoutRedis(Durable):
    def test_general_limits_are_counted_by_the_host(self, at):
        """Row RL8."""
        answers = [at("/auth/refresh", {"refresh_token": "x"})
                   for _ in range(51)]
        assert [a.status for a in answers] == [401] * 50 + [429]
        assert answers[0].headers["X-RateLimit-Remaining"] == "49"
        assert answers[-1].code == "RATE_LIMITED"
        assert 0 < int(answers[-1].headers["Retry-After"]) <= 1800


@pytest.mark.stack(ENABLE_RATE_LIMITING="true", RATE_LIMIT_LOGIN="2",
                   RATE_LIMIT_REGISTER="3", RATE_LIMIT_WINDOW="5s")
def test_limits_are_configured_and_nobody_forges_a_network(stack, api):
    """Rows HB1, RL13."""
    stack.forget_limits()
    statuses = [api.post("/auth/login", login(),
                         X_Forwarded_For=f"10.1.1.{i}").status
                for i in range(3)]
    assert statuses == [401, 401, 429]
    statuses = [api.post("/auth/register", {}).status for _ in range(4)]
    assert statuses == [422] * 3 + [429]
    answer = api.post("/auth/login", login())
    while answer.status == 429:
        time.sleep(0.1)
        answer = api.post("/auth/login", login())
    assert answer.status == 401


def test_switched_off_there_is_neither_limit_nor_header(api):
    for _ in range(12):
        answer = api.post("/auth/login", login())
        assert answer.status == 401
        assert "X-RateLimit-Limit" not in answer.headers


@pytest.mark.stack(**PROXY)
def test_a_flushed_redis_forgets_no_login(stack, at):
    """Row RL8: Postgres counts beneath."""
    for _ in range(5):
        assert at("/auth/login", login()).status == 401
    stack.cache().flushdb()
    assert at("/auth/login", login()).status == 429
