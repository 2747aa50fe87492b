"""/metrics over all workers: document 003, row LO6."""
import re

import pytest

from staff import staff
from until import until

LINE = re.compile(r'^([a-z_]+)(\{[a-z]+="[^"]*"\})? ([0-9.e+]+)$')


def metrics(stack, path="/metrics", **headers):
    answer = stack.api.root("GET", path, **headers)
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"].startswith("text/plain")
    values = {}
    for line in answer.body.decode().splitlines():
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


def test_nothing_of_people_is_in_it(stack, person):
    text = stack.api.root("GET", "/metrics").body.decode()
    assert person.id not in text and person.username not in text
