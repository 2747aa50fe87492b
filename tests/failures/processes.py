"""A worker of the web is killed, and what the master and the next worker call
to replace it fails once: somebody is served all the same."""
import glob
import os
import signal

from control import ALL
from until import until


def children(pid):
    found = []
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        with open(path) as f:
            found += [int(word) for word in f.read().split()]
    return set(found)


class Processes:
    def __init__(self, suite):
        self.suite, self.stack = suite, suite.stack
        self.control = suite.control
        self.master = int(self.stack.dev("env").split("PID_MASTER=")[1]
                          .split()[0])

    def name(self, pid):
        try:
            with open(f"/proc/{pid}/comm") as f:
                return f.read().strip()
        except OSError:
            return ""

    def light(self):
        return {p for p in children(self.master)
                if self.name(p) == "postern-light"}

    def served(self):
        me = self.suite.requests["GET /auth/me"]
        answer = self.suite.ask(me, "GET", "/auth/me")
        return answer is not None and answer.status == 200

    def replace(self):
        """A new worker takes the place of the old."""
        old = until(self.light, "a worker")
        for pid in old:
            os.kill(pid, signal.SIGKILL)
        until(lambda: self.light() - old and self.served(),
              "service by another worker")

    def attempt(self, name, nth):
        self.control.fail(ALL, name, nth)
        try:
            self.replace()
            said = []
        except AssertionError as e:
            said = [str(e)]
        if not self.control.off():
            return None
        self.failed_at = self.control.at
        return said + [f"a process ended with {k} {v}"
                       for _, k, v in self.suite.watch.ends()
                       if (k, v) not in (("status", 70), ("signal", 9))
                       ] + self.suite.watch.sanitizers()

    def run(self):
        """1: there is one such property."""
        self.control.count(ALL)
        self.replace()
        self.control.off()
        for name, count in self.suite.chosen(self.control.calls):
            for nth in self.suite.sample(False, count, 2):
                self.suite.judged("processes", self.control, name, nth, self)
        return 1
