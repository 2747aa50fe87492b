"""Webhooks while the worker and its courier are killed at any moment (rows
RE3, RE4, RE12, WH11)."""

import collections
import http.server
import random
import signal
import socketserver
import subprocess
import threading
import time

from load import Account
from stack import children, send, wait_until
from web import Watch, Web

MESSAGES = 200  # a round
KILLS = 6       # a round, of one process or two


class Receiver(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Takes everything, in its own time, and remembers what came when."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self):
        self.came = collections.defaultdict(list)  # id: (when, body)
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """Who asked was killed: nothing to tell."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.came[self.headers["webhook-id"]].append(
                (time.monotonic(), body))
        time.sleep(random.random() * 0.05)
        try:
            self.send_response(204)
            self.end_headers()
        except OSError:
            self.close_connection = True  # the one who asked was killed

    def log_message(self, *args):
        pass


def sql(stack, text):
    return subprocess.run(
        ["psql", "-qXAt", "-v", "ON_ERROR_STOP=1",
         stack.places()["DATABASE_OWNER_URL"], "-c", text], check=True,
        stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout


def hooked(stack, url):
    """A user who is told of his changes at url: his id."""
    account, web = Account(), Web(stack.base, Watch())
    a = web.ask("POST", "/auth/register", {
        "email": account.email, "username": account.name,
        "password": account.password}, client=account.client)
    made = web.ask("POST", "/webhooks", {
        "url": url, "events": ["user.updated"]},
        token=a.data["access_token"])
    if not made.ok:
        raise RuntimeError(str(made))
    # It gets bursts, as one does that gave the challenge back.
    sql(stack, "update webhooks set answered_at = now(), confirmed_at = "
        f"now() where id = '{made.data['id']}'")
    return sql(stack, f"select id from users where email = '{account.email}'"
               ).strip(), made.data["id"]


def happen(stack, user, n):
    """n events of his."""
    sql(stack, "insert into audit_logs (user_id, action, resource, result) "
        f"select '{user}', 'user.update', 'users', 'success' "
        f"from generate_series(1, {n})")


def victims(stack):
    """The worker, its courier, or both of them, in the midst of it."""
    worker, *couriers = wait_until("a worker and its courier", lambda: (
        lambda w: children(w) and [w, *children(w)])(stack.pid("worker")))
    time.sleep(random.random() * 0.2)
    return random.choice(((worker,), couriers, (worker, *couriers)))


def undelivered(stack, hook, seconds):
    """What is not recorded as delivered by then, and why."""
    rows = []

    def none_left():
        nonlocal rows
        rows = sql(
            stack, "select count(*), state, attempts, failures, error, "
            "run_at - now(), tries[cardinality(tries)]::text, (select max("
            "until - now()) from webhook_claims c where d.id = any(c.ids)) "
            f"from webhook_deliveries d where webhook_id = '{hook}' and "
            "state <> 'done' group by 2, 3, 4, 5, 6, 7, 8 limit 20"
            ).splitlines()
        time.sleep(0.2)
        return not rows
    try:
        wait_until("all deliveries", none_left, seconds)
    except RuntimeError:
        pass
    return rows


def unexplained(came, kills):
    """What came again without a kill since the time before."""
    return [f"{i} came again without a kill between" for i, times in
            came.items() for (a, _), (b, _) in zip(times, times[1:])
            if not any(a - 2 <= k <= b for k in kills)]


def couriers_killed(suite):
    """Nothing is lost; what comes again has its id and its bytes."""
    stack, there, kills = suite.stack, Receiver(), []
    stack.up(WEBHOOKS_ALLOW_PRIVATE="true")
    user, hook = hooked(stack, there.url)
    rounds = suite.rounds * KILLS
    sent = 0
    for i in range(rounds):
        n = suite.rounds * MESSAGES * (i + 1) // rounds - sent
        happen(stack, user, n)
        sent += n
        for pid in victims(stack):
            now = time.monotonic()
            kills += [now] * send(pid, signal.SIGKILL)
    left = undelivered(stack, hook, 120)
    there.shutdown()
    came = dict(there.came)
    again = sum(len(t) - 1 for t in came.values())
    suite.check("delivers_every_webhook", left)
    suite.check("loses_no_webhook", len(came) == sent,
                f"{len(came)} of {sent} messages came, {len(kills)} processes killed "
                f"{rounds} times")
    suite.check("repeats_only_after_a_kill", unexplained(came, kills),
                f"{again} came again")
    suite.check("repeats_the_same_bytes",
                [i for i, times in came.items() if
                 len({body for _, body in times}) > 1])


SCENARIOS = (("couriers_killed", couriers_killed),)
