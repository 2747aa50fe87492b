"""Webhooks: what is promised to be told is told, signed, once and again with
the same id, whatever the receiver does (rows WH1 to WH13, AP6)."""
import base64
import collections
import hashlib
import hmac
import http.server
import json
import os
import signal
import socket
import subprocess
import threading
import time
import uuid

import psycopg2
import pytest

from queries import prepared
from staff import staff
from until import until

pytestmark = pytest.mark.stack(WEBHOOKS_ALLOW_PRIVATE="true")

# The receiver of a documented client, word for word where it matters.
SEED_RECEIVER = r"""
const http = require('http');
const crypto = require('crypto');
http.createServer((rq, res) => {
  let text = '';
  rq.on('data', (d) => text += d);
  rq.on('end', () => {
    const req = { headers: rq.headers, body: JSON.parse(text) };
    const signature = req.headers['x-webhook-signature'];
    const event = req.headers['x-webhook-event'];
    const payload = JSON.stringify(req.body);
    const expectedSignature = crypto
      .createHmac('sha256', process.env.WEBHOOK_SECRET)
      .update(payload)
      .digest('hex');
    const ok = signature === expectedSignature;
    console.log(JSON.stringify({ ok, event, user: req.body.data.userId }));
    res.statusCode = ok ? 200 : 401;
    res.end(JSON.stringify({ success: ok }));
  });
}).listen(Number(process.env.PORT), '127.0.0.1',
  () => console.log('"listening"'));
"""


class Receiver:
    """Answers POSTs by what `answer` says of the how-manieth it is, with the
    challenge where it gives it back: such a one gets bursts."""

    def __init__(self, answer=lambda n, rq: 200, echo=False):
        self.got = []
        self.lock = threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver.lock:
                    receiver.got.append((dict(
                        (k.lower(), v) for k, v in self.headers.items()),
                        body))
                    n = len(receiver.got)
                try:
                    status = answer(n, self)
                    if status is None:
                        return
                    status, headers = status if isinstance(
                        status, tuple) else (status, {})
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    text = echo and self.headers["X-Webhook-Challenge"]
                    text = (text or "ok").encode()
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)
                except OSError:
                    pass

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def wait(self, n=1, seconds=30):
        until(lambda: len(self.got) >= n, f"{n} deliveries", seconds)
        return self.got

    def events(self):
        return [json.loads(body)["event"] for _, body in self.got]


@pytest.fixture
def receiver():
    made = []

    def make(answer=lambda n, rq: 200, echo=False):
        made.append(Receiver(answer, echo))
        return made[-1]
    yield make
    for one in made:
        one.close()


def hook(person, url, events=("*",), **more):
    answer = person.api.post("/webhooks", dict(
        {"url": url, "events": list(events)}, **more))
    assert answer.status == 201, answer
    return answer.data


def deliveries(person, made):
    answer = person.api.get(f"/webhooks/{made['id']}/deliveries?limit=200")
    assert answer.status == 200, answer
    return answer.data


def standard(secret, headers, body):
    """As the Standard Webhooks libraries verify."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = b".".join((headers["webhook-id"].encode(),
                      headers["webhook-timestamp"].encode(), body))
    want = base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode()
    return any(hmac.compare_digest(want, part.removeprefix("v1,"))
               for part in headers["webhook-signature"].split())


def plain(secret, body):
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def test_a_webhook_is_shown_with_its_secret_once(api, person):
    made = hook(person, "https://example.com/hook",
                ["2fa.enabled", "user.login"])
    assert made["secret"].startswith("whsec_")
    assert len(base64.b64decode(made["secret"][6:])) == 32
    for answer in (person.api.get("/webhooks"),
                   person.api.get("/webhooks/" + made["id"])):
        assert answer.status == 200
        assert made["secret"] not in answer.body.decode()
    assert answer.data["events"] == ["2fa.enabled", "user.login"]
    assert answer.data["is_active"] is True
    changed = person.api.patch("/webhooks/" + made["id"],
                               {"isActive": False, "events": ["*"]})
    assert changed.status == 200, changed
    assert changed.data["is_active"] is False
    assert changed.data["events"] == ["*"]
    assert changed.data["url"] == "https://example.com/hook"
    other = api.new_person()
    for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""),
                         ("POST", "/test"), ("POST", "/rotate-secret"),
                         ("GET", "/deliveries")):
        assert other.api.send(method, f"/webhooks/{made['id']}{path}",
                              {} if method != "GET" else None).status == 404
    assert person.api.delete("/webhooks/" + made["id"]).status == 200
    assert person.api.get("/webhooks/" + made["id"]).status == 404


def test_a_webhook_may_be_made_switched_off(stack, person):
    """In one statement: it is never there switched on."""
    made = person.api.post("/webhooks", {
        "url": "https://example.com/hook", "events": ["*"],
        "is_active": False})
    assert made.status == 201, made
    assert made.data["is_active"] is False
    shown = person.api.get("/webhooks/" + made.data["id"]).data
    assert shown["is_active"] is False
    assert stack.sql("select action from audit_logs where resource = "
                     "'webhooks' and user_id = %s", person.id) == \
        [("webhook.create",)]


def test_a_key_with_the_scope_manages_its_owners_webhooks(api, person):
    """Row AK4: webhooks:read, webhooks:write."""
    def key(*scopes):
        return person.api.post("/api-keys", {
            "name": "k", "scopes": list(scopes)}).data["api_key"]

    reads, writes = key("webhooks:read"), key("webhooks:write")
    form = {"url": "https://example.com/x", "events": ["user.login"]}
    assert api.post("/webhooks", form, X_API_Key=reads).status == 403
    made = api.post("/webhooks", form, X_API_Key=writes)
    assert made.status == 201, made
    assert api.get("/webhooks", X_API_Key=writes).status == 403
    listed = api.get("/webhooks", X_API_Key=reads)
    assert [w["id"] for w in listed.data] == [made.data["id"]]
    assert person.api.get("/webhooks").data == listed.data
    camel = api.of(mount="/api").get("/webhooks", X_API_Key=reads).data[0]
    assert camel["isActive"] is True and camel["is_active"] is True


def test_the_receiver_of_the_seed_verifies_by_its_own_code(person):
    """Row WH6: JSON.stringify of the parsed body, hex HMAC."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    made = hook(person, f"http://127.0.0.1:{port}/webhooks/2fa",
                ["user.login", "user.logout"])
    node = subprocess.Popen(
        ["node", "-e", SEED_RECEIVER], stdout=subprocess.PIPE, text=True,
        env=dict(os.environ, WEBHOOK_SECRET=made["secret"], PORT=str(port)))
    try:
        assert json.loads(node.stdout.readline()) == "listening"
        person.login()
        assert json.loads(node.stdout.readline()) == {
            "ok": True, "event": "user.login", "user": person.id}
        assert person.api.post("/auth/logout", {}).status == 200
        assert json.loads(node.stdout.readline()) == {
            "ok": True, "event": "user.logout", "user": person.id}
    finally:
        node.kill()
        node.wait()
        node.stdout.close()


def test_both_signatures_hold_and_a_rotation_signs_with_both(
        person, receiver):
    """Rows WH6, WH7, WH8."""
    there = receiver()
    made = hook(person, there.url, ["user.login"])
    assert person.api.post(f"/webhooks/{made['id']}/test").status == 200
    (headers, body), = there.wait()
    assert standard(made["secret"], headers, body)
    assert headers["x-webhook-signature"] == plain(made["secret"], body)
    assert headers["x-webhook-event"] == "webhook.test"
    said = json.loads(body)
    assert said["id"] == headers["webhook-id"]
    assert said["event"] == said["type"] == "webhook.test"
    assert said["data"]["userId"] == person.id
    assert body == json.dumps(said, separators=(",", ":")).encode()
    new = person.api.post(f"/webhooks/{made['id']}/rotate-secret")
    assert new.status == 200 and new.data["secret"] != made["secret"]
    person.login()
    headers, body = there.wait(2)[1]
    assert standard(made["secret"], headers, body)
    assert standard(new.data["secret"], headers, body)
    assert headers["x-webhook-signature"] == plain(new.data["secret"], body)
    assert headers["x-webhook-signature-previous"] == plain(
        made["secret"], body)
    assert not standard("whsec_" + base64.b64encode(b"x" * 32).decode(),
                        headers, body)


def test_every_event_is_told_to_its_owner_and_to_nobody_else(
        api, receiver):
    """Row WH13."""
    there, elsewhere = receiver(), receiver()
    one, other = api.new_person(), api.new_person()
    hook(one, there.url)
    hook(other, elsewhere.url)
    one.login()
    second = one.another_session()
    assert one.api.put("/auth/me", {"first_name": "Ann"}).status == 200
    assert one.api.post("/api-keys", {
        "name": "k", "scopes": ["user:read"]}).status == 201
    assert one.api.delete("/auth/sessions/" + second.session).status == 200
    assert one.api.post("/auth/change-password", {
        "old_password": one.password,
        "new_password": one.password + "x"}).status == 200
    assert one.api.post("/auth/logout", {}).status == 200
    want = collections.Counter({
        "user.login": 2, "user.updated": 1, "apikey.created": 1,
        "session.revoked": 1, "password.changed": 1, "user.logout": 1})
    there.wait(sum(want.values()))
    assert collections.Counter(there.events()) == want
    assert {json.loads(b)["data"]["userId"] for _, b in there.got} == {one.id}
    ids = [h["webhook-id"] for h, _ in there.got]
    assert len(set(ids)) == len(ids)
    other.login()
    elsewhere.wait()
    assert elsewhere.events() == ["user.login"]


def test_who_may_see_all_users_hears_of_all(stack, api, person, receiver):
    there = receiver()
    stack.sql("insert into user_roles (user_id, role_id) select %s, id "
              "from roles where name = 'admin'", person.id)
    person.login()
    hook(person, there.url, ["user.created"])
    new = api.new_person()
    there.wait()
    assert json.loads(there.got[0][1])["data"]["userId"] == new.id
    # No longer an administrator, no longer told.
    stack.sql("delete from user_roles r using roles where roles.id = "
              "r.role_id and user_id = %s and name = 'admin'", person.id)
    api.new_person()
    person.api.put("/auth/me", {"first_name": "x"})
    assert stack.sql("select count(*) from webhook_deliveries d join webhooks"
                     " w on w.id = webhook_id where w.user_id = %s",
                     person.id) == [(1,)]


def test_a_failed_delivery_comes_again_with_its_id(person, receiver):
    """Rows WH9, WH11; what was sent and answered is shown."""
    there = receiver(lambda n, rq: 500 if n == 1 else 204)
    made = hook(person, there.url, ["user.login"])
    person.login()
    first, second = there.wait(2)
    assert first[0]["webhook-id"] == second[0]["webhook-id"]
    assert first[1] == second[1]
    assert standard(made["secret"], *second)
    shown, = until(lambda: [d for d in deliveries(person, made)
                            if d["status"] == "delivered"])
    assert shown["attempts"] == 2 and shown["status_code"] == 204
    assert shown["payload"].encode() == first[1]
    assert [t["status_code"] for t in shown["tries"]] == [500, 204]
    assert shown["tries"][0]["response_body"] == "ok"
    again = person.api.post(
        f"/webhooks/{made['id']}/deliveries/{shown['id']}/redeliver")
    assert again.status == 200, again
    third = there.wait(3)[2]
    assert third[0]["webhook-id"] == first[0]["webhook-id"]
    assert third[1] == first[1]


def test_an_endpoint_that_is_gone_is_switched_off(person, receiver, inbox):
    """410 (row WH9)."""
    there = receiver(lambda n, rq: 410)
    made = hook(person, there.url, ["user.login"])
    person.login()
    there.wait()
    until(lambda: not person.api.get(
        "/webhooks/" + made["id"]).data["is_active"])
    inbox.wait(person.email, "webhook was switched off")
    person.login()
    assert [d["status"] for d in deliveries(person, made)] == ["failed"]
    on = person.api.put("/webhooks/" + made["id"], {"is_active": True})
    assert on.data["is_active"] and on.data["disabled_reason"] is None


def test_five_days_of_failure_switch_it_off(stack, person, receiver, inbox):
    """Row WH10."""
    there = receiver(lambda n, rq: 500)
    made = hook(person, there.url, ["user.login"])
    stack.sql("update webhooks set failures = 3, failing_since = now() - "
              "interval '5 days 1 hour' where id = %s", made["id"])
    person.login()
    there.wait()
    inbox.wait(person.email, "webhook was switched off")
    shown = person.api.get("/webhooks/" + made["id"]).data
    assert not shown["is_active"]
    assert "five days" in shown["disabled_reason"]


def test_retry_after_is_honoured(stack, person, receiver):
    there = receiver(lambda n, rq: (503, {"Retry-After": "7200"}))
    made = hook(person, there.url, ["user.login"])
    person.login()
    there.wait()
    until(lambda: deliveries(person, made)[0]["status_code"] == 503)
    (wait, pause), = stack.sql(
        "select extract(epoch from run_at - now()), extract(epoch from "
        "paused_until - now()) from webhook_deliveries d join webhooks w on "
        "w.id = webhook_id where w.id = %s", made["id"])
    assert 7000 < wait <= 7200 and 7000 < pause <= 7200


@pytest.mark.parametrize("reason, answer", [
    ("redirect", lambda n, rq: (302, {"Location": rq.server.elsewhere})),
    ("error", lambda n, rq: 404),
])
def test_a_redirect_is_a_failure_and_not_followed(person, receiver, reason,
                                                  answer):
    """Row WH4."""
    elsewhere = receiver()
    there = receiver(answer)
    there.server.elsewhere = elsewhere.url
    made = hook(person, there.url, ["user.login"])
    person.login()
    there.wait()
    shown = until(lambda: [d for d in deliveries(person, made)
                           if d["error"]])[0]
    assert reason in shown["error"] and shown["status"] == "pending"
    assert not elsewhere.got


def gigabyte(n, rq):
    rq.send_response(200)
    rq.send_header("Content-Length", str(1 << 30))
    rq.end_headers()
    block = b"x" * 65536
    sent = 0
    try:
        while sent < 1 << 30:
            sent += rq.wfile.write(block)
    except OSError:
        pass
    rq.server.sent = sent
    rq.close_connection = True


def slow(n, rq):
    time.sleep(25)
    return 200


def happen(stack, person, n):
    """n events of his."""
    stack.sql("insert into audit_logs (user_id, action, resource, result) "
              "select %s, 'user.update', 'users', 'success' "
              "from generate_series(1, %s)", person.id, n)


def test_bad_receivers_hold_up_nobody(stack, api, receiver):
    """Three dead, slow, redirecting and gigabyte-answering receivers beside
    a healthy one (rows WH4, WH5, WH10)."""
    huge = [receiver(gigabyte) for _ in range(3)]
    slowly = [receiver(slow) for _ in range(3)]
    moved = [receiver(lambda n, rq: (307, {"Location": "http://127.0.0.1/"}))
             for _ in range(3)]
    good, person, dead = receiver(echo=True), api.new_person(), []
    for _ in range(3):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            dead.append(f"http://127.0.0.1:{s.getsockname()[1]}/")
    for url in dead + [r.url for r in huge + slowly + moved]:
        hook(person, url, ["user.updated"])
    mine = hook(person, good.url, ["user.updated"])
    for _ in range(30):
        happen(stack, person, 10)
        time.sleep(0.05)
    until(lambda: stack.sql(
        "select count(*) from webhook_deliveries where webhook_id = %s and "
        "state = 'done'", mine["id"]) == [(300,)])
    ids = [headers["webhook-id"] for headers, _ in good.got]
    assert len(ids) == len(set(ids)) == 300
    (p99,), = stack.sql(
        "select percentile_cont(0.99) within group (order by extract(epoch "
        "from finished_at - created_at)) from webhook_deliveries "
        "where webhook_id = %s", mine["id"])
    assert p99 < 5
    until(lambda: all(hasattr(r.server, "sent") for r in huge))
    assert all(r.server.sent < 64 << 20 for r in huge)
    (held,), = stack.sql(
        "select count(*) from webhook_claims c join webhooks w on w.id = "
        "c.webhook_id cross join lateral unnest(ids, attempts) k (id, n) "
        "join webhook_deliveries d on d.webhook_id = w.id and d.id = k.id "
        "and d.attempts = k.n where url = any(%s)",
        [r.url for r in slowly])
    assert held <= 2 * len(slowly)


def test_what_is_new_and_hangs_holds_up_nothing_that_is_new(
        stack, api, receiver):
    """Row WH10: a hundred and twenty endpoints that take the connection and
    say nothing, none of them known, and one more."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(512)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        people = [api.new_person() for _ in range(6)]
        for one in people:
            for _ in range(20):
                hook(one, url, ["user.updated"])
        for one in people:
            happen(stack, one, 2)
        until(lambda: stack.sql(
            "select count(*) from webhook_claims c join webhooks w on w.id = "
            "c.webhook_id where url = %s", url) == [(120,)])
        good, person = receiver(), api.new_person()
        hook(person, good.url, ["user.updated"])
        happen(stack, person, 3)
        good.wait(3)
        # None of them was given up for it.
        assert stack.sql(
            "select sum(attempts) from webhook_deliveries d join webhooks w "
            "on w.id = d.webhook_id where url = %s", url) == [(0,)]


def record(person, made):
    return person.api.get("/webhooks/" + made["id"]).data


def wrong_codes(stack, person, n):
    """n events of the kind that row 2fa.failed tells."""
    stack.sql("insert into audit_logs (user_id, action, resource, result) "
              "select %s, '2fa.failed', 'users', 'failure' "
              "from generate_series(1, %s)", person.id, n)


def test_an_endpoint_that_never_answered_is_asked_one_at_a_time(
        stack, person, receiver):
    """Row WH12: twenty webhooks and 120 wrong codes make no 2,400 requests
    to a host that never asked. What waits is capped, the rest is counted."""
    there = receiver(lambda n, rq: 404)
    made = [hook(person, there.url, ["2fa.failed"]) for _ in range(20)]
    wrong_codes(stack, person, 120)
    there.wait(20)
    until(lambda: stack.sql(
        "select count(*) from webhooks where user_id = %s and "
        "paused_until > now() + interval '5 seconds'", person.id) == [(20,)])
    assert len(there.got) < 60
    shown = record(person, made[0])
    assert shown["verification"] == "none"
    assert shown["full"] is True
    assert shown["pending"] == 100 and shown["dropped"] == 20
    assert shown["last_dropped_at"] is not None
    assert stack.sql("select count(*) from webhook_deliveries d join webhooks"
                     " w on w.id = webhook_id where user_id = %s",
                     person.id) == [(2000,)]
    assert stack.sql("select distinct action, result from audit_logs where "
                     "user_id = %s and action = 'webhook.full'",
                     person.id) == [("webhook.full", "failure")]
    listed = json.loads(stack.ctl("webhook", "list", "--json").stdout)
    assert {w["dropped"] for w in listed
            if w["owner"] == person.email} == {20}
    refused = person.api.post(f"/webhooks/{made[0]['id']}/test")
    assert refused.status == 409, refused
    assert "wait" in refused.json["message"]


def test_endpoints_that_only_answer_share_ten_a_second(stack, person,
                                                       receiver):
    """Row WH12: a page that takes whatever is posted proves little. The
    bound is fifty at once and ten a second for all of an owner's."""
    there = receiver()
    made = [hook(person, there.url, ["2fa.failed"]) for _ in range(4)]
    began = time.monotonic()
    wrong_codes(stack, person, 50)
    there.wait(70)
    took = time.monotonic() - began
    assert len(there.got) <= 50 + 4 + 10 * (took + 2)
    assert {record(person, w)["verification"] for w in made} == {"answered"}
    assert stack.sql("select count(*) from webhook_shares where user_id = %s",
                     person.id) == [(1,)]


def test_many_owners_of_endpoints_on_one_host_share_fifty_a_second(
        stack, api, receiver):
    """Row WH12: more accounts make no more of it, and no other spelling of
    the host. The bound is 250 at once and fifty a second; another host is not
    held up."""
    there, other = receiver(), receiver()
    people = [api.new_person() for _ in range(12)]
    spelled = ["127.0.0.1:", "127.1:", "0x7F000001:0", "2130706433:",
               "127.0.0.1.:", "[::ffff:127.0.0.1]:"]
    for i, one in enumerate(people):
        for _ in range(2):
            made = hook(one, there.url.replace("127.0.0.1:", spelled[i % 6]),
                        ["2fa.failed"])
            assert made["url"] == there.url
        wrong_codes(stack, one, 1)
    there.wait(24)
    mine = api.new_person()
    hook(mine, other.url, ["2fa.failed"])
    began = time.monotonic()
    for one in people:
        wrong_codes(stack, one, 80)
    there.wait(500)
    took = time.monotonic() - began
    assert len(there.got) <= 24 + 250 + 50 * (took + 2)
    wrong_codes(stack, mine, 1)
    other.wait()
    assert stack.sql("select count(*) from webhook_host_shares where host = "
                     "%s", there.url.split("/")[2]) == [(1,)]


@pytest.mark.parametrize("said", ["%s", '"%s"', ' {"challenge": "%s"} '])
def test_an_endpoint_that_gives_the_challenge_back_gets_bursts(
        stack, person, receiver, said):
    def answer(n, rq):
        rq.send_response(200)
        text = (said % rq.headers.get("X-Webhook-Challenge")).encode()
        rq.send_header("Content-Length", str(len(text)))
        rq.end_headers()
        rq.wfile.write(text)
    there = receiver(answer)
    made = hook(person, there.url, ["user.updated"])
    assert person.api.post(f"/webhooks/{made['id']}/test").status == 200
    until(lambda: record(person, made)["verification"] == "confirmed")
    happen(stack, person, 300)
    there.wait(301, seconds=20)
    assert "x-webhook-challenge" not in there.got[-1][0]
    moved = person.api.put("/webhooks/" + made["id"],
                           {"url": receiver().url})
    assert moved.data["verification"] == "none"


def test_who_answers_with_all_he_was_sent_has_proved_nothing(
        stack, person, receiver):
    def answer(n, rq):
        rq.send_response(200)
        text = json.dumps({"headers": dict(rq.headers)}).encode()
        rq.send_header("Content-Length", str(len(text)))
        rq.end_headers()
        rq.wfile.write(text)
    there = receiver(answer)
    made = hook(person, there.url, ["user.updated"])
    happen(stack, person, 2)
    there.wait(2)
    until(lambda: {d["status"] for d in deliveries(person, made)} ==
          {"delivered"})
    assert record(person, made)["verification"] == "answered"


def test_what_one_url_proves_is_not_believed_of_the_next(
        stack, person, receiver):
    """The webhook moves while an answer with the challenge is on its way."""
    go, victim = threading.Event(), receiver(lambda n, rq: 404)
    there = receiver(lambda n, rq: go.wait(30) and 200, echo=True)
    made = hook(person, there.url, ["user.updated"])
    happen(stack, person, 1)
    there.wait()
    assert person.api.put("/webhooks/" + made["id"],
                          {"url": victim.url}).status == 200
    go.set()
    until(lambda: deliveries(person, made)[0]["status"] == "delivered")
    assert record(person, made)["verification"] == "none"


def test_the_webhooks_of_the_staff_need_only_answer(stack, person, receiver):
    """Who may see all users is trusted with what he points them at."""
    there = receiver()
    stack.sql("insert into user_roles (user_id, role_id) select %s, id "
              "from roles where name = 'admin'", person.id)
    person.login()
    hook(person, there.url, ["user.updated"])
    happen(stack, person, 300)
    there.wait(300, seconds=20)


def more_workers(stack, n):
    """Beside the stack's own, told the same."""
    line = f". {stack['STATE_DIR']}/env.sh; exec " \
           f"{stack['BIN_DIR']}/postern-worker"
    return [subprocess.Popen(["bash", "-c", line], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL) for _ in range(n)]


@pytest.mark.slow
def test_four_workers_on_one_queue_deliver_everything_once(
        stack, person, receiver):
    """Row RE3."""
    there = receiver(lambda n, rq: time.sleep(0.02) or 200, echo=True)
    made = hook(person, there.url, ["user.updated"])
    happen(stack, person, 1)
    until(lambda: record(person, made)["verification"] == "confirmed")
    others = more_workers(stack, 3)
    holders = set()

    def done():
        holders.update(h for h, in stack.sql(
            "select distinct holder from webhook_claims where "
            "webhook_id = %s", made["id"]))
        return stack.sql("select count(*) from webhook_deliveries where "
                         "webhook_id = %s and state = 'done'",
                         made["id"]) == [(2001,)]
    try:
        for _ in range(40):
            happen(stack, person, 50)
            done()
        until(done, seconds=60)
    finally:
        for one in others:
            one.terminate()
        assert [one.wait(20) for one in others] == [0, 0, 0]
    assert len(holders) > 1, "one of them did it all"
    ids = collections.Counter(h["webhook-id"] for h, _ in there.got)
    assert len(ids) == 2001 and set(ids.values()) == {1}


def go_on(hung):
    for pid, in hung:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:  # its client gave it up
            pass


def test_a_claim_whose_answer_was_lost_is_taken_back(
        stack, person, receiver):
    """Postgres hung past the statement's deadline, then committed it after
    all (row RE3): nobody waits for the lease of a minute."""
    there = receiver()
    made = hook(person, there.url, ["user.updated"])
    lost = "select count(*) from webhook_deliveries where webhook_id = %s " \
           "and tries::text like '%%the worker died%%'"
    for n in range(1, 11):
        hung = stack.sql("select pid from pg_stat_activity where usename = "
                         "'postern'")
        for pid, in hung:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(3)
        # What they commit late must find something to claim, little enough
        # to be answered after the commit: a backend that notices before that
        # nobody listens rolls back. One of them may hold what the insertion
        # waits for.
        wake = threading.Timer(1, go_on, [hung])
        wake.start()
        happen(stack, person, 5)
        wake.cancel()
        go_on(hung)
        until(lambda: stack.sql(
            "select count(*) from webhook_deliveries where webhook_id = %s "
            "and state = 'done'", made["id"]) == [(5 * n,)])
        if stack.sql(lost, made["id"]) != [(0,)]:
            return
    pytest.fail("no claim was ever lost")


def test_who_let_a_claim_run_out_tells_of_nothing_any_more(
        stack, person, receiver):
    """Row RE3: his try is counted as lost, and the one after it counts."""
    first, stopped = threading.Event(), []
    there = receiver(lambda n, rq: (n > 1 or first.wait(30)) and 200)
    made = hook(person, there.url, ["user.updated"])
    happen(stack, person, 1)
    there.wait(1)
    try:
        stopped = family(stack)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        stack.sql("update webhook_claims set until = now() where webhook_id "
                  "= %s", made["id"])
        other, = more_workers(stack, 1)
        there.wait(2)
        until(lambda: deliveries(person, made)[0]["status"] == "delivered")
        first.set()
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    before = deliveries(person, made)
    happen(stack, person, 1)  # told after the late answer, or with it
    until(lambda: all(d["status"] == "delivered"
                      for d in deliveries(person, made)))
    other.terminate()
    assert other.wait(20) == 0
    after = deliveries(person, made)[1]
    assert after == before[0]
    assert [t.get("status_code") for t in after["tries"]] == [None, 200]
    assert "died" in after["tries"][0]["error"]


@pytest.mark.parametrize("looked", ["analyze webhook_deliveries",
                                    "truncate webhook_deliveries"])
def test_a_burst_into_an_empty_queue_is_looked_up_by_key(
        stack, person, looked):
    """Row WH10: whatever the planner thinks of a line that was empty when it
    last looked, or that it never looked at, what is claimed and told is found
    by its key. Reading the line for each would be 40 million rows."""
    made = hook(person, "https://example.com/", ["user.updated"])
    token = str(uuid.uuid4())
    with psycopg2.connect(stack["DATABASE_OWNER_URL"]) as db:
        with db.cursor() as cursor:
            for text in (
                    # before a table that a claim may wait for
                    "select pg_advisory_xact_lock(hashtext('webhook_claims'))",
                    "update webhooks set answered_at = now(), confirmed_at = "
                    f"now() where id = '{made['id']}'",
                    "update webhook_deliveries set state = 'dead', finished_at"
                    " = now() where state = 'ready'", looked,
                    "insert into webhook_deliveries (id, webhook_id, event_id,"
                    f" event, body) select uuid_v7(), '{made['id']}', "
                    "uuid_v7(), 'user.updated', '{}' from "
                    "generate_series(1, 40000)",
                    "set local plan_cache_mode = force_generic_plan",
                    "select webhook_claim(1000, '{}', '{}', 1000, '60 s', "
                    f"gen_random_uuid(), '{token}')",
                    *prepared("webhook_claimed", token=f"'{token}'")):
                cursor.execute(text)
            rows = cursor.fetchall()
            assert len(rows) == 1000
            webhooks = "{%s}" % ",".join([made["id"]] * 500)
            ids = "{%s}" % ",".join(r[0] for r in rows[:500])
            same = {k: "'{%s}'" % ",".join([v] * 500) for k, v in {
                "numbers": "1", "states": "done", "failed": "f", "delays": "0",
                "pauses": "0", "statuses": "200", "errors": '""',
                "tries": '"{}"'}.items()}
            for text in prepared(
                    "webhook_settle", webhooks=f"'{webhooks}'", ids=f"'{ids}'",
                    tokens="'{}'", token_webhooks="'{}'", patience="1",
                    urls="null", echoed="null", **same):
                cursor.execute(text)
            cursor.execute("update webhook_claims set until = now()")
            cursor.execute("select webhook_release(null, null)")
            assert cursor.fetchone()[0] >= 500
            cursor.execute("select state, count(*) from webhook_deliveries "
                           f"where webhook_id = '{made['id']}' and attempts "
                           "= 1 group by state order by state")
            assert cursor.fetchall() == [("done", 500), ("ready", 500)]
            cursor.execute("select seq_tup_read + idx_tup_fetch from "
                           "pg_stat_xact_user_tables where relname = "
                           "'webhook_deliveries'")
            assert cursor.fetchone()[0] < 1_000_000
        db.rollback()


STANDARD_RECEIVER = r"""
const { Webhook } = require('standardwebhooks');
const { headers, body, secret } = JSON.parse(require('fs').readFileSync(0));
const said = new Webhook(secret).verify(body, headers);
console.log(JSON.stringify(said));
let refused = 0;
for (const wrong of [[body + ' ', headers],
    [body, { ...headers, 'webhook-id': 'x' }],
    [body, { ...headers, 'webhook-timestamp': '1' }]])
  try { new Webhook(secret).verify(...wrong); } catch (e) { refused++; }
console.log(refused);
"""


def test_the_library_of_standard_webhooks_verifies(person, receiver):
    """Row WH6, by its own JavaScript; ./dev test installs it and sets
    NODE_PATH."""
    there = receiver()
    made = hook(person, there.url, ["user.login"])
    person.login()
    (headers, body), = there.wait()
    said = subprocess.run(
        ["node", "-e", STANDARD_RECEIVER], check=True, capture_output=True,
        text=True, input=json.dumps({
            "headers": headers, "body": body.decode(),
            "secret": made["secret"]})).stdout.splitlines()
    assert json.loads(said[0]) == json.loads(body)
    assert said[1] == "3"


@pytest.mark.slow
def test_killed_workers_lose_nothing_and_repeat_only_with_the_same_id(
        stack, person, receiver):
    """Rows RE3, RE4, WH11."""
    there = receiver(echo=True)
    made = hook(person, there.url, ["user.updated"])

    def happen(times):
        for _ in range(times):
            stack.sql("insert into audit_logs (user_id, action, resource, "
                      "result) values (%s, 'user.update', 'users', "
                      "'success')", person.id)
            time.sleep(0.02)

    # One that did not prove itself may have a hundred waiting.
    happen(1)
    until(lambda: stack.sql("select confirmed_at from webhooks where id = %s "
                            "and confirmed_at is not null", made["id"]))
    stop = threading.Event()

    def killer():
        while not stop.is_set():
            for pid in family(stack):
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
            time.sleep(0.3)

    thread = threading.Thread(target=killer)
    thread.start()
    try:
        happen(149)
    finally:
        stop.set()
        thread.join()
    # What was claimed by one that died before it was known waits for the end
    # of its lease, a minute.
    until(lambda: stack.sql(
        "select count(*) from webhook_deliveries where webhook_id = %s and "
        "state = 'done'", made["id"]) == [(150,)], seconds=150)
    bodies = collections.defaultdict(set)
    for headers, body in there.got:
        bodies[headers["webhook-id"]].add(body)
    assert len(bodies) == 150
    assert all(len(b) == 1 for b in bodies.values())


def family(stack):
    """The worker of this moment and its courier."""
    pid = stack.pid("worker")
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)],
                              capture_output=True, text=True).stdout.split()
    return [int(p) for p in children] + [pid] if pid else []


FORBIDDEN = [
    "http://example.com/", "https://user@example.com/",
    "https://user:pw@example.com/", "https://example.com:22/",
    "https://example.com/#x", "ftp://example.com/", "https:///x",
    "https://exa mple.com/", "https://ex\\ample.com/", "https://1.1.1.1:1/",
    "https://example.com:0/", "https://%6cocalhost/", "https://b\u00fccher/",
    "https://[fe80::1%25eth0]/", "https://1.2.3.4.5/",
]
INSIDE = ["https://%s/" % host for host in (
    "127.0.0.1.", "2130706433.", "db.", "localhost", "LOCALHOST", "localhost.", "a.localhost", "db", "db.local",
    "metadata.google.internal", "127.0.0.1", "127.1", "0x7f000001",
    "017700000001", "2130706433", "0177.0.0.1", "0", "0.0.0.0", "10.0.0.1",
    "100.64.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255",
    "192.0.0.8", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "255.255.255.255", "[::]", "[::1]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[fc00::1]",
    "[fd00::1]", "[fe80::1]", "[ff02::1]",
    "[64:ff9b::7f00:1]", "[64:ff9b:1::a00:1]", "[2002:7f00:1::]",
    "[2001:0:7f00:1::]", "[2001:db8::1]")]


@pytest.mark.stack(WEBHOOKS_ALLOW_PRIVATE="false")
def test_no_webhook_points_inside_at_creation_or_change(person):
    """Rows WH1, WH3, WH12: one sentence for every host inside."""
    made = hook(person, "https://example.com/a?b=c")
    hook(person, "https://xn--bcher-kva.example.com:8443/")
    hook(person, "https://[2606:4700:4700::1111]/")
    sentences = set()
    for url in FORBIDDEN + INSIDE:
        for answer in (
                person.api.post("/webhooks", {"url": url, "events": ["*"]}),
                person.api.put("/webhooks/" + made["id"], {"url": url})):
            assert answer.status == 422, (url, answer)
            assert answer.fields == ["url"], (url, answer)
            if url in INSIDE:
                sentences.add(answer.json["errors"][0]["message"])
    assert len(sentences) == 1, sentences
    for events in ([], ["nothing"], "user.login", ["user.login,x"]):
        assert person.api.post("/webhooks", {
            "url": "https://example.com/", "events": events}).status == 422


@pytest.mark.stack(WEBHOOKS_ALLOW_PRIVATE="false")
@pytest.mark.parametrize("host", [
    "127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f000001",
    "017700000001", "127.1", "ip6-localhost", "[::ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]", "[2002:7f00:1::]"])
def test_no_address_inside_is_connected_to(stack, person, receiver, host):
    """Row WH2: whatever stands in the table, the address is what counts."""
    there = receiver()
    port = there.server.server_port
    made = hook(person, "https://example.com/")
    stack.sql("update webhooks set url = %s where id = %s",
              f"https://{host}:{port}/", made["id"])
    assert person.api.post(f"/webhooks/{made['id']}/test").status == 200
    shown = until(lambda: [d for d in deliveries(person, made)
                           if d["error"]])[0]
    assert shown["error"] == "not reachable" and not there.got
    assert shown["tries"][0]["response_body"] is None


def test_tests_are_counted(stack, person):
    """Row WH12; limits are off elsewhere in these tests."""
    made = hook(person, "http://127.0.0.1:9/")
    assert person.api.post(f"/webhooks/{made['id']}/test").status == 200
    assert person.api.post(f"/webhooks/{made['id']}/deliveries/"
                           f"{made['id']}/redeliver").status == 404


def test_a_repeated_creation_makes_one(person):
    """Row RE9."""
    form = {"url": "https://example.com/", "events": ["*"]}
    one = person.api.post("/webhooks", form, Idempotency_Key="k1")
    two = person.api.post("/webhooks", form, Idempotency_Key="k1")
    assert one.status == two.status == 201
    assert one.data["id"] == two.data["id"]
    assert len(person.api.get("/webhooks").data) == 1


def totp(secret):
    return subprocess.run(["oathtool", "--totp", "-b", secret], check=True,
                          capture_output=True, text=True).stdout.strip()


def test_factors_of_an_applications_users_are_told_under_their_names(
        api, person, receiver):
    """Row TO13: the application hears of its "user-123"."""
    there = receiver()
    hook(person, there.url, ["2fa.enabled", "2fa.verified", "2fa.failed",
                             "2fa.disabled"])
    key = person.api.post("/api-keys", {
        "name": "k", "scopes": ["2fa:read", "2fa:write"]}).data["api_key"]
    two = api.of(mount="/api")

    def post(path, **body):
        return two.post(path, dict(body, userId="user-123"), X_API_Key=key)

    secret = post("/2fa/totp/setup").data["secret"]
    assert post("/2fa/totp/verify-setup", code=totp(secret)).status == 200
    assert post("/2fa/verify", code="000000").status in (401, 400)
    there.wait(2)
    said = [json.loads(body) for _, body in there.got]
    assert sorted(s["event"] for s in said) == ["2fa.enabled", "2fa.failed"]
    assert {s["data"]["userId"] for s in said} == {"user-123"}
    # His own are told under his own id.
    secret = person.api.post("/auth/2fa/setup", {}).data["secret"]
    assert person.api.post("/auth/2fa/enable",
                           {"code": totp(secret)}).status == 200
    last = json.loads(there.wait(3)[2][1])
    assert last["event"] == "2fa.enabled"
    assert last["data"] == {"userId": person.id, "method": "totp"}


def test_the_operator_sends_dead_letters_again(stack, person, receiver):
    """Row WH10."""
    there = receiver(lambda n, rq: 410 if n == 1 else 200)
    made = hook(person, there.url, ["user.login"])
    person.login()
    there.wait()
    until(lambda: [d for d in deliveries(person, made)
                   if d["status"] == "failed"])
    mine, = json.loads(stack.ctl("webhook", "list", "--owner", person.email,
                                 "--json").stdout)
    assert mine["id"] == made["id"]
    assert mine["failed"] == 1 and mine["owner"] == person.email
    assert json.loads(stack.ctl("webhook", "list", "--json").stdout)
    person.api.put("/webhooks/" + made["id"], {"is_active": True})
    assert json.loads(stack.ctl("webhook", "retry", made["id"],
                                "--json").stdout) == {"due_again": 1}
    there.wait(2)
    assert there.got[0][0]["webhook-id"] == there.got[1][0]["webhook-id"]
    assert stack.ctl("webhook", "retry", check=False).returncode != 0


def test_every_message_can_be_looked_at_before_it_is_sent(stack):
    """posternctl template preview."""
    where = os.path.join(os.path.dirname(__file__), "../../templates/mail")
    names = {n.split(".")[0] for n in os.listdir(where)
             if n.endswith(".txt") and not n.startswith("_")}
    for name in sorted(names):
        shown = stack.ctl("template", "preview", name).stdout
        assert shown.startswith("Subject: ") and "{{" not in shown, name
        assert "<html" in stack.ctl("template", "preview", name,
                                    "--html").stdout
    shown = stack.ctl("template", "preview", "verify", "--var",
                      "code=<b>").stdout
    assert "<b>" in shown
    assert "&lt;b&gt;" in stack.ctl("template", "preview", "verify", "--html",
                                    "--var", "code=<b>").stdout
    for language, until in (("en", "2026-01-09 03:04 UTC"),
                            ("de", "09.01.2026, 03:04 Uhr (UTC)")):
        for part in ([], ["--html"]):
            assert until in stack.ctl("template", "preview", "erase",
                                      "--language", language, *part).stdout
    for language in ("en", "de"):
        for name in ("factor-code", "recovery-code", "recovery-done"):
            shown = stack.ctl("template", "preview", name, "--sms",
                              "--language", language).stdout
            assert shown.startswith("Parts: 1 (") and "Postern" in shown
            assert "{{" not in shown
            assert ("\n\n123456 " in shown) == ("code" in name)
    shown = json.loads(stack.ctl("template", "preview", "factor-code", "--sms",
                                 "--var", "brand=" + "x" * 160, "--json"
                                 ).stdout)
    assert shown["text"].startswith("123456 is your xxx")
    assert (shown["parts"], shown["characters"]) == (2, len(shown["text"]))
    for wrong, status in ((["verify", "--sms"], 3),
                          (["factor-code", "--sms", "--html"], 2)):
        assert stack.ctl("template", "preview", *wrong,
                         check=False).returncode == status
    assert stack.ctl("template", "preview", "none",
                     check=False).returncode == 3


def test_a_key_reaches_only_the_events_of_its_owner(stack, api, admin_hook):
    """Whoever has the key of an administrator hears of him alone, and finds
    nothing of what hears of everybody."""
    admin, hook = admin_hook
    key = admin.api.post("/api-keys", {"name": "k", "scopes": [
        "webhooks:read", "webhooks:write"]}).data["api_key"]
    by_key = {"X-API-Key": key}
    wish = {"url": "http://127.0.0.1:9/own", "events": ["*"]}
    made = api.send("POST", "/webhooks", wish, by_key)
    assert made.status == 201 and made.data["scope"] == "own"
    own = made.data["id"]
    patched = api.send("PATCH", "/webhooks/" + own, {"is_active": True},
                       by_key)
    assert patched.status == 200 and patched.data["scope"] == "own"
    # Neither does his own hand make more of what a key has made.
    patched = admin.api.patch("/webhooks/" + own, {"is_active": True})
    assert patched.data["scope"] == "own"
    assert [w["id"] for w in api.send("GET", "/webhooks", None, by_key).data
            ] == [own]
    path = "/webhooks/" + hook
    for method, tail, body in (
            ("GET", "", None), ("PATCH", "", {"url": wish["url"]}),
            ("PUT", "", {"url": wish["url"]}), ("POST", "/test", {}),
            ("POST", "/rotate-secret", {}), ("GET", "/deliveries", None),
            ("POST", "/deliveries/" + str(uuid.uuid4()) + "/redeliver", {}),
            ("DELETE", "", None)):
        answer = api.send(method, path + tail, body, by_key)
        assert answer.status == 404, (method, tail, answer)
    assert admin.api.get(path).data["scope"] == "all"


@pytest.fixture
def admin_hook(stack):
    admin = staff(stack, "admin")
    made = admin.api.post("/webhooks", {
        "url": "http://127.0.0.1:9/all", "events": ["user.created"]})
    assert made.status == 201 and made.data["scope"] == "all"
    yield admin, made.data["id"]
    admin.api.delete("/webhooks/" + made.data["id"])
