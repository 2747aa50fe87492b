"""The processes of a running postern-worker are killed, and what replaces them
meets a failure: a mail, a webhook and an event go out all the same."""
import os
import signal
import time

from control import ALL, CHILDREN
from provider import Provider
from queue_worker import Running
from test_kafka import BROKER, ON, family
from until import until
from world import fine

# What a process calls until it works; jobs.py and events.py have the rest.
STARTS = {"PQconnectPoll", "PQconnectStartParams", "PQsendPrepare",
          "PQsetnonblocking", "calloc", "curl_multi_init", "epoll_ctl", "fork",
          "malloc", "open", "pipe2", "socket", "strdup"}
FIRST = 4  # calls of each, of all processes together
# How a process may end: killed by us, or without memory.
ENDS = (("signal", 9), ("status", 70))


class Children:
    """suite: the one of suite.py, whose worker is stopped."""

    def __init__(self, suite):
        self.suite, self.stack = suite, suite.stack
        self.control = suite.worker_control
        self.api = suite.world.ann.api
        self.there = Provider()
        self.hook = fine(self.api.post("/webhooks", {
            "url": self.there.url + "/", "events": ["user.login"]})
            ).data["id"]
        self.people = []

    def start(self):
        log = os.path.join(os.environ["STATE_DIR"], "log/worker.log")
        self.worker = Running(log, **(ON if BROKER else {}))
        until(self.whole, "the worker's processes")

    def whole(self):
        """Its processes by name, when all are there."""
        here = {name: pid for name, pid in family(self.worker.pid).items()
                if name in ("postern-courier", "postern-kafka")}
        return here if len(here) == (2 if BROKER else 1) else None

    # what is to go out, and has

    def order(self):
        """By mail, webhook and event; the answers wake the worker."""
        self.stack.forget_limits()
        self.there.got.clear()
        fine(self.api.post(f"/webhooks/{self.hook}/test"))
        self.people.append(self.stack.api.new_person())

    def due(self):
        """What waits for another try need not wait."""
        self.stack.sql("update webhook_deliveries set run_at = now() where "
                       "finished_at is null and run_at > now()")
        self.stack.sql("update webhooks set paused_until = null "
                       "where paused_until is not null")
        self.stack.sql("update jobs set run_at = now() where "
                       "state <> 'done' and run_at > now()")

    def missing(self):
        person = self.people[-1]
        self.due()
        found = ["a webhook"] * (not self.there.got)
        found += ["a mail"] * (not any(
            m["X-RcptTo"] == person.email for m in self.stack.inbox.all()))
        found += ["an event"] * bool(self.stack.sql(
            "select 1 from kafka_outbox where user_id = %s", person.id))
        return found

    def replace(self):
        """New processes take the place of the old ones; what does not go out
        meanwhile."""
        for pid in until(self.whole, "the worker's processes").values():
            os.kill(pid, signal.SIGKILL)
        self.order()
        end = time.monotonic() + 30
        while (missing := self.missing()) and time.monotonic() < end:
            time.sleep(0.05)
        return [f"does not go out: {thing}" for thing in missing]

    def attempt(self, name, nth):
        """None when the call was not made."""
        self.control.fail(ALL if name == "fork" else CHILDREN, name, nth)
        said = self.replace()
        if not self.control.off():
            return None
        self.failed_at = self.control.at
        said += [f"a process ended with {k} {v}" for k, v in
                 self.suite.watch.children() if (k, v) not in ENDS]
        if self.worker.ended() is not None:
            said.append(f"the worker ended with {self.worker.ended()}")
            self.start()
        return said + self.suite.watch.sanitizers()

    def clean(self):
        """The calls of a replacement without a failure."""
        until(self.whole, "the worker's processes")
        self.control.count(CHILDREN)
        said = self.replace()
        self.control.off()
        if said:
            self.suite.say("children", "", said)
        return {**self.control.calls, "fork": 1}

    def events(self):
        """The broker has what was said to be published."""
        here = {m.key for m in BROKER.read("user-events")} if BROKER else set()
        lost = [p.id for p in self.people if BROKER and p.id not in here]
        return [f"events that were lost: {lost}"] * bool(lost)

    def sample(self, calls):
        """Of the first ones; one in turn, where one is wanted."""
        most = self.suite.most
        return self.suite.sample(most == 1, min(calls, FIRST) if most else
                                 calls, most)

    def run(self):
        """1: there is one such property."""
        self.start()
        for name, count in self.suite.chosen(self.clean()):
            if self.suite.most and name not in STARTS:
                continue
            for nth in self.sample(count):
                self.suite.judged("children", self.control, name, nth, self)
        status = self.worker.stop()
        self.suite.say("children", "", [f"the worker ended with {status}"] * (
            status != 0) + self.events() + self.suite.watch.sanitizers())
        return 1
