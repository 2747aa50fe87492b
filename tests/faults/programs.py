"""The programs themselves: killed, told to end, told to reload."""

import random
import signal
import time

from stack import send, stat, wait_until
from web import BROKEN


def light(stack):
    return random.choice(wait_until("a light worker",
                                    lambda: stack.workers(heavy=False)))


def heavy(stack):
    return random.choice(wait_until("a heavy worker",
                                    lambda: stack.workers(heavy=True)))


def master(stack):
    return wait_until("the master", lambda: stack.pid("master"))


def worker(stack):
    return wait_until("the worker", lambda: stack.pid("worker"))


def pace(rounds):
    """Long runs at leisure: what was acknowledged is judged one by one."""
    return 0.06 if rounds <= 20 else 0.2


def killed(suite, whose, gap, sig=signal.SIGKILL, share=1):
    """Again and again, at any moment of its work."""
    rounds = max(3, suite.rounds // share)
    with suite.load(allow=BROKEN, pace=pace(rounds)) as load:
        for left in reversed(range(rounds)):
            pid = whose(suite.stack)
            send(pid, sig)
            since = time.monotonic()
            wait_until("its end", lambda: stat(pid) is None)
            if left:  # at work again, or there is nothing to kill it in
                served = load.watch.served
                wait_until("service", lambda: load.watch.served > served + 5)
                load.run(gap * (0.5 + random.random()))
        back = load.recovered(since)
    suite.check("happened", True, f"{rounds} times")
    suite.after(load, back)


def queue_killed(suite, sig, share=1):
    """The web answers as if nothing had happened, and mail goes on."""
    rounds = max(3, suite.rounds // share)
    with suite.load(pace=pace(rounds)) as load:
        for _ in range(rounds):
            pid = worker(suite.stack)
            send(pid, sig)
            wait_until("its end", lambda: stat(pid) is None)
            load.run(0.4 * (0.5 + random.random()))
    suite.check("happened", True, f"{rounds} times")
    suite.check("is_not_noticed", not load.watch.refused,
                f"{len(load.watch.refused)} refused")
    suite.after(load)


def reloaded(suite):
    """SIGHUP: new workers, no connection refused."""
    rounds = max(3, suite.rounds // 10)
    with suite.load() as load:
        pid = master(suite.stack)
        for _ in range(rounds):
            before = set(suite.stack.workers(False))
            send(pid, signal.SIGHUP)
            wait_until("new workers", lambda: before.isdisjoint(
                suite.stack.workers(False)) and suite.stack.workers(False))
            load.run(0.3)
    suite.check("happened", suite.stack.pid("master") == pid,
                f"{rounds} times, the master stays")
    suite.check("refuses_no_connection", not load.watch.refused,
                f"{len(load.watch.refused)} refused")
    suite.after(load)


SCENARIOS = (
    ("light_worker_killed", killed, light, 0.25),
    ("heavy_worker_killed", killed, heavy, 0.25),
    ("master_killed", killed, master, 0.3),
    ("master_terminated", killed, master, 0.3, signal.SIGTERM, 4),
    ("master_reloaded", reloaded),
    ("queue_worker_killed", queue_killed, signal.SIGKILL),
    ("queue_worker_terminated", queue_killed, signal.SIGTERM, 4),
)
