"""The scenarios, one after the other; a line a property."""

import os
import sys
import time
import traceback

import dependencies
import pooler
import programs
import sessions
import webhooks
from judge import Judge
from load import Ledger, Load
from stack import Stack

FULL_SERVICE = 5.0  # seconds after what was missing is back


class Suite:
    def __init__(self, root):
        self.stack = Stack(root)
        self.rounds = int(os.environ.get("FAULT_ROUNDS") or 5)
        self.only = os.environ.get("FAULT_ONLY", "")
        self.ledger = Ledger()  # of all scenarios
        self.judge = Judge(self.stack)
        self.passed = self.failed = 0
        self.name = ""

    def check(self, what, faults, note=""):
        """faults: a list of sentences, or a truth that all is well."""
        if isinstance(faults, bool):
            faults = [] if faults else [note]
        name = f"{self.name}_{what}"
        if faults:
            self.failed += 1
            print(f"not ok {name}: {len(faults)} faults")
            for text in sorted(set(faults))[:5]:
                print(f"#   {text}")
        else:
            self.passed += 1
            print(f"ok {name}" + (f" ({note})" if note else ""))
        sys.stdout.flush()

    def load(self, **kw):
        return Load(self.stack, graves=list(self.ledger.dead), **kw)

    def after(self, load, back=None):
        """The properties every fault shares. back: seconds to full
        service, where there was a fault to come back from."""
        began = time.monotonic()
        judge, done = self.judge, load.ledger
        refused = len(load.watch.refused)
        self.check("lets_nobody_in_and_says_503", load.watch.breaches,
                   f"{load.watch.served} served, {refused} refused, "
                   f"{done.trespasses} trespasses, "
                   f"{done.wrong} wrong passwords")
        note = (f"{done.writes} writes, {len(done.accounts)} accounts, "
                f"{done.refreshes} refreshes, {len(done.dead)} logouts")
        self.check("loses_no_acknowledged_write", judge.writes(done), note)
        missing = judge.mails(done)
        self.check("loses_no_mail", missing,
                   f"{len(judge.maildir.seen)} mails in all, "
                   f"{judge.maildir.duplicates()[0]} came twice")
        if back is not None:
            self.check("gives_full_service_within_5_s",
                       back <= FULL_SERVICE, f"{back:.2f} s")
        self.ledger.add(done)
        self.judged += time.monotonic() - began

    def scenario(self, name, run, *args):
        if not name.startswith(self.only):
            return
        self.name = name
        self.judged = 0.0
        began = time.monotonic()
        try:
            run(self, *args)
        except Exception:
            self.check("runs_to_its_end",
                       traceback.format_exc().splitlines()[-3:])
        print(f"# {name}: {time.monotonic() - began:.1f} s, of it "
              f"{self.judged:.1f} s to judge", flush=True)

    def run(self):
        self.stack.up()
        for part in (sessions, dependencies, programs):
            for name, *call in part.SCENARIOS:
                self.scenario(name, *call)
        self.scenario("afterwards", everything_holds)
        for part in (pooler, webhooks):
            for name, *call in part.SCENARIOS:
                self.scenario(name, *call)
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed else 0


def everything_holds(suite):
    """Row RT9: after all of it, restarts included, dead is dead."""
    judge, done = suite.judge, suite.ledger
    suite.check("everything_acknowledged_holds", judge.writes(done),
                f"{done.writes} writes, {len(done.accounts)} accounts, "
                f"{len(done.dead)} dead sessions")
    judge.maildir.look()
    again, mixed = judge.maildir.duplicates()
    suite.check("mail_twice_is_the_same_mail", mixed,
                f"{len(judge.maildir.seen)} mails, {again} came twice")


if __name__ == "__main__":
    sys.exit(Suite(sys.argv[1]).run())
