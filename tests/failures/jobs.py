"""Every kind of job under failing libraries: `postern-worker --once` takes two
mails, two SMS, deliveries to two endpoints, and the upkeep, again and again
from the same rows; each time another call fails."""
import collections
import os
import re
import time

from control import ALL
from provider import PROVIDER, Provider, numbers
from queue_worker import Once
from world import fine

# Of the worker's, one in turn: the log, and the start that each run has.
COMMON = {"write", "open", "read"}
# All of these, for each sets something else; but where one call is enough.
EACH = {"curl_easy_setopt"}
FINE = (0, 70, 78)


class Jobs:
    """suite: the one of suite.py, whose worker is stopped."""

    def __init__(self, suite):
        self.suite, self.stack = suite, suite.stack
        self.before, self.control = suite.before, suite.worker_control
        self.worker = Once()
        self.hooks = [Provider(), Provider()]
        self.make(suite.world)
        self.before.take()

    def make(self, w):
        """What is to be done."""
        self.worker.run()
        w.stack.sql("update cron_jobs set next_run = now() - interval '1 s'")
        w.stack.sql("update sessions set expires_at = now() - "
                    "interval '8 days' where user_id = %s", w.idle.id)
        for person in (w.lost, w.mover):
            fine(self.stack.api.post("/auth/password-reset/request",
                                     {"email": person.email}))
            fine(person.api.post("/auth/2fa/sms/setup", {
                "phone": f"+4930{next(numbers)}"}))
        w.stack.sql("update jobs set expires_at = now() + interval '3 hours' "
                    "where state = 'ready'")
        for there in self.hooks:
            made = fine(w.ann.api.post("/webhooks", {
                "url": there.url + "/", "events": ["user.login"]})).data
            fine(w.ann.api.post(f"/webhooks/{made['id']}/test"))

    # what has come, and to whom

    def forget(self):
        for there in [PROVIDER, *self.hooks]:
            there.got.clear()
        self.stack.inbox.read = {}
        for name in os.listdir(self.stack.inbox.directory):
            os.unlink(os.path.join(self.stack.inbox.directory, name))

    def mails(self):
        """(job, sender, recipient)"""
        return [(re.sub("[<>]|@.*", "", m["Message-ID"]), m["X-MailFrom"],
                 m["X-RcptTo"]) for m in self.stack.inbox.all()]

    def came(self):
        """What came where, each once."""
        texts = {("sms", path, body) for path, _, body in PROVIDER.got}
        posts = {("webhook", n, headers.get("webhook-id") or
                  headers.get("Webhook-Id"))
                 for n, there in enumerate(self.hooks)
                 for _, headers, _ in there.got}
        return {("mail", *m) for m in self.mails()} | texts | posts

    def states(self):
        """kind -> state -> how many."""
        found = collections.defaultdict(collections.Counter)
        for kind, state, n in self.before.sql("""
                select kind, state, count(*) from jobs where id in
                (select id from failures.jobs where state = 'ready')
                group by 1, 2 union all
                select 'webhook', state, count(*) from webhook_deliveries
                where id in (select id from failures.webhook_deliveries
                where state = 'ready') group by 1, 2"""):
            found[kind][state] = n
        return found

    def due(self):
        """What waits for another try need not wait."""
        self.before.sql("update jobs set run_at = now() "
                        "where state <> 'done'")
        self.before.sql("update webhook_deliveries set run_at = now() "
                        "where finished_at is null")
        self.before.sql("update webhooks set paused_until = null")

    # judgements

    def truth(self, came):
        """What is said to be done was done, and where it belongs."""
        said = [f"went astray: {thing}" for thing in came - self.wanted]
        for kind, states in self.states().items():
            here = sum(thing[0] == kind for thing in came & self.wanted)
            done = states["done"]
            if done > here:
                said.append(f"{done} {kind} said to be done, {here} came")
            bad = set(states) - {"ready", "done"}
            if bad:
                said.append(f"{kind} given up: {dict(states)}")
        return said

    def finished(self):
        """Afterwards all of it is done."""
        self.due()
        status = self.worker.run()
        said = [f"the next run ended with {status}"] * (status != 0)
        missing = self.wanted - self.came()
        said += [f"lost: {thing}" for thing in missing]
        if self.states() != self.all_done:
            said.append(f"not done after all: {dict(self.states())}")
        return said

    def attempt(self, name, nth):
        """None when the call was not made."""
        self.before.restore()
        self.stack.forget_cache()
        self.forget()
        self.control.fail(ALL, name, nth)
        status = self.worker.run()
        if not self.control.off():
            return None
        self.failed_at = self.control.at
        said = [f"ended with {status}: {self.worker.said[-300:]}"] * (
            status not in FINE)
        said += self.truth(self.came()) + self.suite.watch.sanitizers()
        return said + self.finished() + self.suite.watch.sanitizers()

    def sample(self, name, calls):
        if not self.suite.most or name in EACH and self.suite.most > 1:
            return range(1, calls + 1)
        return self.suite.sample(name in COMMON, calls, self.suite.most)

    def clean(self):
        """Without a failure; the calls of it."""
        self.forget()
        self.control.count(ALL)
        status = self.worker.run()
        self.control.off()
        self.wanted, self.all_done = self.came(), self.states()
        kinds = collections.Counter(thing[0] for thing in self.wanted)
        if status != 0 or kinds != {"mail": 2, "sms": 2, "webhook": 2}:
            return None
        return self.control.calls

    def run(self):
        """How many jobs were judged."""
        calls = self.clean()
        if calls is None:
            self.suite.say("jobs", "", [
                f"are not done: {self.wanted} {dict(self.all_done)} "
                f"{self.worker.said}"])
            return 0
        for name, count in self.suite.chosen(calls):
            since, before = time.monotonic(), self.suite.tried[name]
            for nth in self.sample(name, count):
                self.suite.judged("jobs", self.control, name, nth, self)
            print(f"# jobs: {name}, "
                  f"{self.suite.tried[name] - before} of {count} in "
                  f"{time.monotonic() - since:.1f} s", flush=True)
        return len(self.all_done)
