"""A queue that falls behind says so: in the log, in /health, in /metrics, to
operators and administrators."""
import json
import uuid

import pytest

from staff import staff
from test_metrics import metrics
from until import until

pytestmark = pytest.mark.stack(QUEUE_ALARM_AGE="60s", QUEUE_ALARM_DEPTH="50")


@pytest.fixture
def queue(stack):
    """Puts in what nobody takes, and takes it out again."""
    def add(n=1, age="1 hour", state="ready"):
        stack.sql(
            "insert into jobs (id, kind, payload, run_at, state, finished_at)"
            " select gen_random_uuid(), 'nobodys', '\\x00', now() - %s"
            "::interval, %s, case when %s <> 'ready' then now() end from "
            "generate_series(1, %s)", age, state, state, n)
    settle(stack, "up")
    yield add
    stack.sql("delete from jobs where kind = 'nobodys'")
    settle(stack, "up")


def health(stack):
    return stack.api.root("GET", "/health")


def settle(stack, status):
    """The state of the queue is not older than a second."""
    return until(lambda: (a := health(stack)) and a.json["checks"]["queue"][
        "status"] == status and a, f"the queue is {status}")


def said(stack, what):
    with open(stack["LOG_DIR"] + "/worker.log") as log:
        return [json.loads(line) for line in log if f'"{what}"' in line]


BEHIND, CAUGHT_UP = "the queue falls behind", "the queue has caught up"


def test_an_old_job_is_an_alarm_everywhere(stack, queue):
    before = len(said(stack, BEHIND)), len(said(stack, CAUGHT_UP))
    queue(2, "2 minutes")
    queue(3, state="dead")
    answer = settle(stack, "backlog")
    assert (answer.status, answer.json["status"]) == (200, "degraded")
    check = answer.json["checks"]["queue"]
    assert check["ready"] >= 2 and check["oldestSeconds"] >= 120
    assert check["dead"] >= 3
    values = metrics(stack)
    assert values["queue_backlog_alarm"] == 1
    assert values['queue_oldest_seconds{queue="jobs"}'] >= 120
    assert stack.api.root("GET", "/health/ready").status == 200
    until(lambda: len(said(stack, BEHIND)) == before[0] + 1, BEHIND)
    line = said(stack, BEHIND)[-1]
    assert line["level"] == "warn" and line["jobs_oldest_s"] >= 120

    stats = json.loads(stack.ctl("--json", "queue", "stats").stdout)
    assert stats["backlog"] is True
    mine, = (k for k in stats["kinds"] if k["kind"] == "nobodys")
    assert (mine["ready"], mine["due"], mine["dead"]) == (2, 2, 3)
    assert mine["oldest_due_seconds"] >= 120
    assert "backlog: yes" in stack.ctl("queue", "stats").stdout

    data = staff(stack, "admin").api.get("/admin/stats").data["queue"]
    assert data["backlog"] is True
    assert {k["kind"] for k in data["kinds"]} >= {
        "mail", "sms", "webhook", "nobodys"}
    shown, = (k for k in data["kinds"] if k["kind"] == "nobodys")
    assert (shown["ready"], shown["due"], shown["dead"]) == (2, 2, 3)

    stack.sql("delete from jobs where kind = 'nobodys' and state = 'ready'")
    assert settle(stack, "up").json["status"] == "healthy"
    assert metrics(stack)["queue_backlog_alarm"] == 0
    until(lambda: len(said(stack, CAUGHT_UP)) == before[1] + 1, CAUGHT_UP)
    assert len(said(stack, BEHIND)) == before[0] + 1


def test_many_jobs_are_an_alarm(stack, queue):
    queue(40, "0 s")
    assert settle(stack, "up").json["status"] == "healthy"
    queue(20, "0 s")
    check = settle(stack, "backlog").json["checks"]["queue"]
    assert check["ready"] >= 51 and check["oldestSeconds"] < 60


def test_what_is_not_due_is_no_backlog(stack, queue):
    queue(100, "-1 hour")
    assert metrics(stack)["queue_backlog_alarm"] == 0
    assert settle(stack, "up").json["checks"]["queue"]["ready"] < 50


def test_webhooks_count_but_not_those_of_a_dead_endpoint(stack, queue,
                                                         person):
    stack.dev("stop-service", "worker")
    try:
        hook = str(uuid.uuid4())
        stack.sql("insert into webhooks (id, user_id, url, events, secret) "
                  "values (%s, %s, 'https://192.0.2.1/', '{*}', '')", hook,
                  person.id)
        stack.sql("insert into webhook_deliveries (id, webhook_id, event_id, "
                  "event, body, run_at) select gen_random_uuid(), %s, "
                  "gen_random_uuid(), 'user.login', '{}', now() - interval "
                  "'1 hour' from generate_series(1, 7)", hook)
        check = settle(stack, "backlog").json["checks"]["queue"]
        assert check["webhooksReady"] >= 7
        assert check["webhooksOldestSeconds"] >= 3600
        assert metrics(stack)['queue_depth{queue="webhooks"}'] >= 7
        data = staff(stack, "admin").api.get("/admin/stats").data["queue"]
        shown, = (k for k in data["kinds"] if k["kind"] == "webhook")
        assert shown["due"] >= 7 and shown["oldest_due_seconds"] >= 3600
        stack.sql("insert into webhook_shares values (%s, now() + interval "
                  "'1 hour')", person.id)
        settle(stack, "up")  # it waits for its share
        stack.sql("delete from webhook_shares where user_id = %s", person.id)
        settle(stack, "backlog")
        stack.sql("update webhooks set failures = 3 where id = %s", hook)
        settle(stack, "up")
        stack.sql("delete from webhooks where id = %s", hook)
    finally:
        stack.dev("start-service", "worker")
