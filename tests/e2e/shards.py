"""Several pytest processes, each with a stack of its own, share the tests.

tests/e2e/run starts them; SHARD_DIR is where they meet, SHARD the number of
this one. All collect the same tests and make the same groups of them, by the
order of their first tests. Who has nothing to do takes the next group: who can
make its file has it. A process alone, without these names, has all groups.
"""
import json
import os
import time

WHERE = os.environ.get("SHARD_DIR")
NUMBER = os.environ.get("SHARD", "0")


def write(name, value):
    """A file for the others, there only when it is whole."""
    if WHERE:
        path = os.path.join(WHERE, name)
        own = f"{path}.{NUMBER}.new"  # others may write the same
        with open(own, "w") as file:
            json.dump(value, file)
        os.rename(own, path)


def claim(number):
    """Whether this process has the group of that number."""
    if not WHERE:
        return True
    if os.path.exists(os.path.join(WHERE, "stop")):
        return False
    try:
        os.close(os.open(os.path.join(WHERE, f"group.{number}"),
                         os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False


def grouped(items, key):
    """Lists of the tests of one key each."""
    groups = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())


class Shard:
    """The pytest plugin: runs the groups this process gets, and tells
    tests/e2e/run how they went.

    group_of: the key of a test's group; is_last: whether it looks at what the
    others left in the stack of this process; needs_stack: whether it has one.
    """

    def __init__(self, group_of, is_last, needs_stack):
        self.group_of = group_of
        self.is_last = is_last
        self.needs_stack = needs_stack
        self.passed = 0
        self.failed = []
        self.slow = 0  # left out

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.failed.append(report.nodeid)
        elif report.passed and report.when == "call":
            self.passed += 1

    def pytest_collectreport(self, report):
        if report.failed:
            self.failed.append(report.nodeid)

    def pytest_runtestloop(self, session):
        if session.testsfailed or session.config.option.collectonly:
            return None  # pytest knows what to do
        last = [i for i in session.items if self.is_last(i)]
        groups = grouped([i for i in session.items if not self.is_last(i)],
                         self.group_of)
        write("groups", len(groups))
        used = not groups
        for number, group in enumerate(groups):
            if claim(number):
                self.run_group(session, group)
                used |= any(map(self.needs_stack, group))
        if used:
            self.run_group(session, last)
        return True

    def run_group(self, session, group):
        began, passed, failed = time.monotonic(), self.passed, self.failed[:]
        # Behind its last test only what is the session's may stay set up.
        for item, after in zip(group, [*group[1:], session]):
            write("at." + NUMBER, item.nodeid)
            item.ihook.pytest_runtest_protocol(item=item, nextitem=after)
            if session.shouldfail or session.shouldstop:
                write("stop", NUMBER)
                raise session.Interrupted(
                    session.shouldfail or session.shouldstop)
        if group:
            self.say(group[0], self.passed - passed,
                     self.failed[len(failed):], time.monotonic() - began)

    @staticmethod
    def say(first, passed, failed, seconds):
        """A line while the others still run."""
        if "SHARD_SAYS" in os.environ:
            line = (f"{first.location[0]}: {passed} passed, {len(failed)} "
                    f"failed in {seconds:.0f} s [{NUMBER}]\n")
            os.write(int(os.environ["SHARD_SAYS"]), line.encode())

    def pytest_sessionfinish(self):
        write("told." + NUMBER, {"passed": self.passed, "slow": self.slow,
                                 "failed": self.failed})
