"""Each n-th call of each function fails once on every route, and for every
job: nothing crashes, nothing leaks, nobody gets a yes that is not true, and
what comes after works."""
import collections
import http.client
import json
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

import conftest  # noqa: E402
from children import Children  # noqa: E402
from control import CHILDREN, MEMORY, Control  # noqa: E402
from events import Events  # noqa: E402
from jobs import Jobs  # noqa: E402
from processes import Processes  # noqa: E402
from provider import TWILIO  # noqa: E402
from routes import all_requests  # noqa: E402
from snapshot import TRIES, Snapshot  # noqa: E402
from until import until  # noqa: E402
from watch import Watch  # noqa: E402
from world import World  # noqa: E402

SETTINGS = {
    **TWILIO.kwargs, "WORKERS": "1", "HEAVY_WORKERS": "1",
    "SMTP_CONNECTIONS": "1",
    "WEBHOOKS_ALLOW_PRIVATE": "true", "JWT_ACCESS_TOKEN_TTL": "86400",
    "RATE_LIMIT_USER": "1000000", "RATE_LIMIT_ANONYMOUS": "1000000",
    "RATE_LIMIT_LOGIN": "1000000", "RATE_LIMIT_REGISTER": "1000000",
    "RATE_LIMIT_PASSWORD_RESET": "1000000", "RATE_LIMIT_ADMIN": "1000000",
    # Nothing but what is made to fail is late, however busy the machine is.
    "REDIS_TIMEOUT": "5", "DB_STATEMENT_TIMEOUT": "20",
    "DB_CONNECT_TIMEOUT": "20"}
# The peer has nothing from a process that cannot read its request, send its
# answer or hand the request on.
UNHEARD = MEMORY | {"send", "sendmsg", "recv", "recvmsg", "accept4",
                    "epoll_ctl", "memfd_create", "write"}
# Calls that have nothing to do with a route: taking a request, the log, Redis.
COMMON = {"accept4", "epoll_ctl", "epoll_pwait", "memfd_create", "read",
          "recv", "send", "redisReaderFeed", "redisReaderGetReply", "write"}
# The server works on after these, until it sees the end of the connection.
LOST = {"PQflush", "PQconsumeInput"}


class Suite:
    def __init__(self):
        self.only = os.environ.get("FAILURES_ONLY", "")
        self.call = os.environ.get("FAILURES_CALL", "")
        self.most = int(os.environ.get("FAILURES_MOST") or 4)
        self.faults = collections.defaultdict(list)
        self.tried = collections.Counter()
        self.not_reached = self.turn = 0
        self.without_memory = set()  # processes that may end by it, also late
        self.stack = conftest.Stack().up(SETTINGS)
        state = os.environ["STATE_DIR"]
        self.watch = Watch(state, os.environ["FAILURES_REPORTS"])
        self.control, self.worker_control = (
            Control(self.stack["RUN_DIR"], name, f"{state}/bin/{name}")
            for name in ("postern", "postern-worker"))
        began = time.monotonic()
        self.world = World(self.stack)
        print(f"# the world: {time.monotonic() - began:.1f} s", flush=True)
        self.routes = json.loads(self.stack.ctl("routes", "--json").stdout)
        self.requests = all_requests(self.world, self.routes)
        self.stack.dev("stop-service", "worker")
        self.before = Snapshot(os.path.realpath(self.stack["RUN_DIR"]),
                               self.stack.db.info.port)
        self.before.take()

    def say(self, name, what, faults):
        where = f"{name} {what}" if what else name
        if faults:
            self.faults[where] += faults
            print(f"not ok {where}")
            for text in faults:
                print(f"#   {text[:1500]}", flush=True)

    # one request

    def ask(self, request, method, path):
        try:
            return request.send(self.stack.api, method, path)
        except (OSError, http.client.HTTPException):
            return None

    def put_back(self, delta):
        self.before.restore()
        if delta:
            self.stack.forget_cache()  # it knows what is no more

    def clean(self, request, method, path):
        """Without a failure: the answer, what it changed, and the calls."""
        self.control.count(CHILDREN)
        answer = self.ask(request, method, path)
        time.sleep(0.002)
        self.control.off()
        calls = self.control.calls
        delta = self.before.delta()
        self.put_back(delta)
        return answer, delta, calls

    def works_again(self):
        """Somebody is served, and Redis too, a moment after; for a token
        alone nobody needs to ask it."""
        def served():
            self.control.count(CHILDREN)
            answers = [self.ask(self.requests[f"GET {path}"], "GET", path)
                       for path in ("/auth/me", "/health")]
            self.control.off()
            return all(a is not None and a.status == 200 for a in answers) \
                and "redisReaderFeed" in self.control.calls
        try:
            until(served, "service after a failure", 10)
            return []
        except AssertionError as e:
            return [str(e)]

    def attempt(self, request, method, path, name, nth):
        """None when the call was not made this time."""
        if name.startswith("PQ"):
            self.stack.forget_cache()  # else some need not be asked
        backends = self.before.backends()
        self.control.fail(CHILDREN, name, nth)
        answer = self.ask(request, method, path)
        failed = self.control.off()
        self.failed_at = self.control.at
        if failed and name in LOST:
            self.before.one_ends(backends)
        delta = self.before.delta()
        if failed and unheard(answer):
            self.heavy_ends()
            self.put_back(True)
        else:
            self.put_back(delta)
        return (answer, delta) if failed else None

    def heavy_ends(self):
        """The one heavy worker may still be at work for who has no answer:
        what comes behind that is served after it."""
        self.ask(self.requests["POST /auth/login"], "POST", "/auth/login")

    # judgements

    def crashes(self, name):
        """Processes end by a failure of memory alone, and by themselves."""
        if name in MEMORY:
            self.without_memory.add(self.control.pid)
        said = [f"a process ended with {k} {v}"
                for pid, k, v in self.watch.ends()
                if (k, v) != ("status", 70) or pid not in self.without_memory]
        return said + self.watch.sanitizers()

    @staticmethod
    def form(answer):
        """Every answer is ours."""
        try:
            body = answer.json
        except ValueError:
            return ["no JSON"] if answer.status >= 400 else []
        if answer.status < 400:
            return []
        said = []
        if answer.status == 503 and not (answer.headers["Retry-After"] or ""
                                         ).isdigit():
            said.append("503 without Retry-After")
        if "status" not in body and (body.get("success") is not False
                                     or not body.get("code")):
            said.append("an error without a code")
        return said

    def judge(self, name, got, wanted, changes):
        """A valid request: the yes is true, the no is not the client's."""
        answer, delta = got
        if unheard(answer):
            return [] if name in UNHEARD else ["no answer"]
        said = self.form(answer)
        if answer.status < 400:
            if answer.status != wanted.status:
                said.append(f"{answer.status} for {wanted.status}")
            if unlike(delta, changes, {"attempts"}):
                said.append(f"a yes that is not true: {delta} for {changes}")
        elif answer.status < 500:
            said.append(f"the client is told it was wrong: {answer}")
        elif unlike(delta, {}, TRIES) and unlike(delta, changes, TRIES):
            said.append(f"half is done: {delta} of {changes}")
        return said

    def judge_denied(self, name, got, wanted):
        """Whatever fails, who may not gets nothing."""
        answer, delta = got
        if unheard(answer):
            return [] if name in UNHEARD else ["no answer"]
        said = self.form(answer)
        if answer.status < 400:
            said.append(f"a wrong yes: {answer}")
        elif answer.status < 500 and answer.status != wanted.status:
            said.append(f"{answer.status} for {wanted.status}")
        return said

    # all of them

    def chosen(self, calls):
        return [(name, count) for name, count in sorted(calls.items())
                if self.call in name]

    def sample(self, common, calls, most):
        """All, of what every route does alike one in turn, and the first and
        last where there are very many."""
        if common and self.most:
            self.turn += 1
            return [1 + self.turn % calls]
        if not self.most or calls <= most:
            return range(1, calls + 1)
        first = (most + 1) // 2
        return [*range(1, first + 1),
                *range(calls - (most - first) + 1, calls + 1)]

    def judged(self, what, control, name, nth, part):
        """One attempt of a part that is no route."""
        said = part.attempt(name, nth)
        if said is None:
            self.not_reached += 1
            return
        self.tried[name] += 1
        if said:
            where = control.line(part.failed_at)
            self.say(what, f"{name} {nth} ({where})", said)

    def fail_each(self, what, request, calls, most, judge):
        method, path = what.split(" ")[:2]
        for name, count in self.chosen(calls):
            for nth in self.sample(name in COMMON, count, most):
                got = self.attempt(request, method, path, name, nth)
                if got is None:
                    self.not_reached += 1
                    continue
                self.tried[name] += 1
                said = judge(name, got) + self.crashes(name)
                said += self.works_again()
                if said:
                    where = self.control.line(self.failed_at)
                    self.say(what, f"{name} {nth} ({where})", said)

    def route(self, what, request):
        method, path = what.split(" ")
        self.stack.forget_cache()
        # A statement whose connection was lost may end after its rows were put
        # back; each round puts back what it finds.
        for _ in range(3):
            wanted, changes, calls = self.clean(request, method, path)
            if wanted is not None and (wanted.status == request.status or
                                       wanted.status < 300):
                break
        else:
            self.say(what, "", [f"is not valid: {wanted}"])
            return
        self.fail_each(what, request, calls, self.most,
                       lambda name, got: self.judge(name, got, wanted,
                                                    changes))
        again, after, _ = self.clean(request, method, path)
        if again is None or again.status != wanted.status or \
                unlike(after, changes, {"attempts"}):
            self.say(what, "afterwards", [f"{again} {after}"])
        for n, bad in enumerate(request.denied):
            self.denied(f"{what} denied {n + 1}", bad)

    def denied(self, what, bad):
        method, path = what.split(" ")[:2]
        self.stack.forget_cache()
        wanted, _, calls = self.clean(bad, method, path)
        if wanted is None or not 400 <= wanted.status < 500:
            self.say(what, "", [f"is not refused: {wanted}"])
            return
        self.fail_each(what, bad, calls, 2,
                       lambda name, got: self.judge_denied(name, got,
                                                           wanted))

    def complete(self):
        """Every route has its request."""
        rows = {f"{r['method']} {r['path']}" for r in self.routes}
        if rows != set(self.requests):
            self.say("routes without a request, or no routes", "",
                     sorted(rows ^ set(self.requests)))

    def run(self):
        self.complete()
        began = time.monotonic()
        done = 0
        for what, request in self.requests.items():
            if re.search(self.only, what):
                since, before = time.monotonic(), sum(self.tried.values())
                self.route(what, request)
                done += 1
                print(f"# {what}: {sum(self.tried.values()) - before} in "
                      f"{time.monotonic() - since:.1f} s", flush=True)
        for what, part in (("processes", Processes), ("children", Children),
                           ("events", Events), ("jobs", Jobs)):
            if re.search(self.only, what):
                since, before = time.monotonic(), sum(self.tried.values())
                done += part(self).run()
                print(f"# {what}: {sum(self.tried.values()) - before} in "
                      f"{time.monotonic() - since:.1f} s", flush=True)
        return self.report(done, time.monotonic() - began)

    def report(self, done, seconds):
        for what in self.faults:
            print(f"# failed: {what}")
        tried = sum(self.tried.values())
        print(f"# {done} routes and kinds of job, {len(self.tried)} "
              f"functions, {tried} calls failed, {self.not_reached} not made "
              f"again, {seconds:.0f} s")
        print("# " + ", ".join(f"{n} {c}" for n, c in
                               self.tried.most_common()))
        print(f"{done - len(self.faults)} passed, {len(self.faults)} failed")
        return 1 if self.faults else 0


def unheard(answer):
    return answer is None or answer.status == 502


def unlike(delta, other, but):
    """Did other things happen, in other tables than those?"""
    return {t: n for t, n in delta.items() if t not in but} != \
        {t: n for t, n in other.items() if t not in but}


if __name__ == "__main__":
    sys.exit(Suite().run())
