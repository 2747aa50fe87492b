"""Webhook deliveries of one worker, beside a bare libcurl multi loop that
posts the same to the same receiver."""
import json
import subprocess
import threading
import time
import urllib.request

import parts
from parts import median

AT_ONCE = 100  # what the courier gives one endpoint that is prompt
FILL = """insert into webhook_deliveries (id, webhook_id, event_id, event,
body) select uuid_v7(), '{hook}', e, 'user.updated', event_body(e,
'user.updated', json_build_object('userId', e)) from (select uuid_v7() as e
from generate_series(1, {n}) offset 0) s"""


class Sink:
    """The receiver, which answers after so many ms."""

    def __init__(self, stack, port, ms=0):
        self.url, self.ms = f"http://127.0.0.1:{port}/hook", ms
        stack.own.append(subprocess.Popen(
            [f"{stack.bin}/sink", str(port), str(ms)],
            start_new_session=True))
        parts.wait_for(self.forget)

    def ask(self, method):
        request = urllib.request.Request(self.url, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def forget(self):
        self.ask("DELETE")
        return True

    def per_second(self):
        """Between the first and the last."""
        seen = self.ask("GET")
        return (seen["posts"] - 1) / seen["us"] * 1e6


class Hook:
    """A webhook that points there, and its deliveries."""

    def __init__(self, stack, sink):
        self.stack, self.sink = stack, sink
        name = f"hook{time.time_ns()}"
        person = stack.post("/api/v1/auth/register", {
            "email": f"{name}@example.org", "username": name,
            "password": "Correct-Horse-7"})
        made = stack.post("/api/v1/webhooks", {
            "url": sink.url, "events": ["user.updated"]},
            person["data"]["access_token"])
        self.id = made["data"]["id"]
        # It gets bursts, as one does that gave the challenge back.
        self.sql("update webhooks set answered_at = now(), confirmed_at = "
                 f"now() where id = '{self.id}'")

    def sql(self, *texts):
        words = [w for text in texts for w in ("-c", text)]
        return subprocess.run(
            ["psql", "-qXAt", "-v", "ON_ERROR_STOP=1",
             self.stack.env["DATABASE_OWNER_URL"], *words], check=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            text=True).stdout.strip()

    def fill(self, n):
        """n that wait for the worker, which is not there."""
        self.stack.dev("stop-service", "worker")
        self.sql("delete from webhook_deliveries")
        for begun in range(0, n, 100000):
            self.sql(FILL.format(hook=self.id, n=min(n - begun, 100000)))
        self.sql("vacuum analyze webhook_deliveries")
        self.sink.forget()

    def body(self):
        return self.sql("select body from webhook_deliveries limit 1")

    def drain(self, n, watch=lambda: None):
        """How many a second, and what CPU one costs the courier in µs."""
        self.stack.dev("start-service", "worker")
        pid = worker(self.stack)
        while self.sink.ask("GET")["posts"] < n:
            watch()
            time.sleep(0.1)
        parts.wait_for(lambda: self.sql(
            "select count(*) from webhook_deliveries where state = 'done'")
            == str(n), 60)
        if self.sink.ask("GET")["posts"] != n:
            raise SystemExit("not every delivery came once")
        courier, = parts.children(pid)
        return self.sink.per_second(), parts.cpu_us(courier) / n


def worker(stack):
    return int(stack.dev("env").partition("PID_WORKER=")[2].split()[0])


def bare(stack, sink, n, body):
    sink.forget()
    before = parts.cpu_us_of_children()
    good = subprocess.run(
        [f"{stack.bin}/posts", str(n), str(AT_ONCE), sink.url, body],
        check=True, stdout=subprocess.PIPE, text=True).stdout
    if int(good) != n:
        raise SystemExit("not all posts were answered")
    return sink.per_second(), (parts.cpu_us_of_children() - before) / n


class Memory(threading.Thread):
    """PSS of the worker and its courier, while they work."""

    def __init__(self, stack):
        super().__init__(daemon=True)
        self.pid = worker(stack)
        self.kib, self.over = [], False
        self.start()

    def run(self):
        while not self.over:
            try:
                self.kib.append(sum(map(parts.pss_kib, [
                    self.pid, *parts.children(self.pid)])))
            except OSError:
                pass
            time.sleep(0.2)

    def end(self):
        self.over = True
        self.join()
        return self.kib


def deliveries(stack, o, f, hook):
    n = int(10000 * o.seconds)
    pairs = []
    for _ in range(o.rounds):
        hook.fill(n)
        body = hook.body()
        b = bare(stack, hook.sink, n, body)
        hook.sink.forget()
        pairs.append((hook.drain(n), b))
    ms = hook.sink.ms
    whom = f"a receiver that takes {ms} ms" if ms else "one that takes none"
    f.add(f"deliveries_{ms}", "webhooks/s of one worker to a bare libcurl "
          f"multi loop, {whom}",
          round(median([a[0] / b[0] for a, b in pairs]), 2), aim="≥ 0.7",
          detail=f"{median([a[0] for a, _ in pairs]):.0f}/s; libcurl "
          f"{median([b[0] for _, b in pairs]):.0f}/s; {n} to one endpoint, "
          f"{AT_ONCE} at once")
    f.add(f"deliveries_cpu_{ms}", "the same by the CPU of courier and loop",
          round(median([b[1] / a[1] for a, b in pairs]), 2),
          detail=f"{median([a[1] for a, _ in pairs]):.0f} µs a delivery; "
          f"libcurl {median([b[1] for _, b in pairs]):.0f} µs")


def backlog(stack, o, f, hook):
    hook.fill(o.backlog)
    memory = []

    def watch():
        if not memory:
            memory.append(Memory(stack))
    rate, _ = hook.drain(o.backlog, watch)
    kib = memory[0].end()
    part = max(1, len(kib) // 5)
    f.add("backlog", f"PSS of worker and courier, a backlog of {o.backlog}",
          round(max(kib) / 1024, 1), "MiB", "flat",
          f"median of the first fifth {median(kib[:part]) / 1024:.1f}, of "
          f"the last {median(kib[-part:]) / 1024:.1f}; {rate:.0f}/s")


def run(stack, o, f):
    stack.up(WEBHOOKS_ALLOW_PRIVATE="true", ENABLE_RATE_LIMITING="false",
             LOG_LEVEL="info")
    if "deliveries" in o.only:
        for ms, port in ((5, o.port + 4), (0, o.port + 3)):
            deliveries(stack, o, f, Hook(stack, Sink(stack, port, ms)))
    if "backlog" in o.only:
        backlog(stack, o, f, Hook(stack, Sink(stack, o.port + 5)))
