"""Events for Kafka under failing libraries: `postern-worker --once` publishes
some; each time another call fails, and the next run does the rest."""
import collections
import uuid

from control import ALL
from jobs import COMMON, FINE
from queue_worker import Once
from test_kafka import BROKER, ON

TOPICS = ("user-events", "auth-events")


class Events:
    """suite: the one of suite.py, whose worker is stopped."""

    def __init__(self, suite):
        self.suite, self.stack = suite, suite.stack
        self.control = suite.worker_control
        self.worker = Once(**ON)
        self.published = []  # by which attempt, and what add() made

    def add(self):
        """Two events of two users in each topic."""
        ids = collections.defaultdict(list)
        users = [str(uuid.uuid4()) for _ in range(2)]
        for topic in TOPICS:
            for user in users * 2:
                [(one,)] = self.stack.sql(
                    "insert into kafka_outbox (topic, event, user_id) values "
                    "(%s, 'user_signup', %s) returning id::text", topic, user)
                ids[topic, user].append(one)
        return ids

    def rows(self, written):
        """state -> ids"""
        found = collections.defaultdict(set)
        for one, state in self.stack.sql(
                "select id::text, state from kafka_outbox where id = any "
                "(%s::uuid[])", [i for ids in written.values() for i in ids]):
            found[state].add(one)
        return found

    def leased(self):
        """Does one who is gone keep others from publishing?"""
        return self.stack.sql("select 1 from kafka_state "
                              "where lease_until > now()")

    # judgements

    def finished(self, written):
        """Nothing was given up, and the next run publishes what is left."""
        rows = self.rows(written)
        said = [f"given up: {rows['dead']}"] * bool(rows["dead"])
        if not rows and not self.leased():
            return said
        status = self.worker.run()
        said += [f"the next run ended with {status}"] * (status != 0)
        rows = self.rows(written)
        return said + [f"not published by the next run: {dict(rows)} "
                       f"{self.worker.said[-300:]}"] * bool(rows)

    def attempt(self, name, nth):
        """None when the call was not made."""
        written = self.add()
        self.control.fail(ALL, name, nth)
        status = self.worker.run()
        failed = self.control.off()
        self.published.append((f"{name} {nth}", written))
        if not failed:
            return None
        self.failed_at = self.control.at
        said = [f"ended with {status}: {self.worker.said[-300:]}"] * (
            status not in FINE)
        return said + self.finished(written) + self.suite.watch.sanitizers()

    def compare(self):
        """What is no longer in the outbox is in the broker, each user's in
        order; doubles are the same event."""
        got = {topic: BROKER.read(topic) for topic in TOPICS}
        for what, written in self.published:
            left = self.rows(written)
            for (topic, user), ids in written.items():
                here = [m for m in got[topic] if m.key == user]
                first = list(dict.fromkeys(m.id for m in here))
                said = [f"{topic} has {first} for {ids}"] * (
                    first != ids and not left)
                said += ["doubles that differ"] * (
                    len({(m.id, m.text) for m in here}) > len(first))
                self.suite.say("events", what, said)

    def count(self, worker):
        """The calls of a run without a failure, or None."""
        self.control.count(ALL)
        status = worker.run()
        self.control.off()
        return self.control.calls if status == 0 else None

    def calls(self):
        """name -> the first call that the events make, and the last."""
        idle = self.count(Once())
        written = self.add()
        busy = self.count(self.worker)
        if not busy or self.rows(written):
            return None
        self.published.append(("without a failure", written))
        return {name: (idle.get(name, 0) + 1, n)
                for name, n in busy.items() if n > idle.get(name, 0)}

    def run(self):
        """1: there is one such property."""
        if BROKER is None:
            print("# events: no librdkafka, so none", flush=True)
            return 0
        self.worker.run()  # the upkeep that is due
        calls = self.calls()
        if calls is None:
            self.suite.say("events", "", [f"do not go: {self.worker.said}"])
            return 1
        for name, (first, last) in self.suite.chosen(calls):
            for nth in self.suite.sample(name in COMMON, last - first + 1,
                                         self.suite.most):
                self.suite.judged("events", self.control, name,
                                  first + nth - 1, self)
        self.compare()
        return 1
