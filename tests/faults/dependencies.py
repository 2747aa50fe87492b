"""Postgres, Redis and the mail relay: gone, hung, emptied, mad (row RE10)."""

import contextlib
import os
import random
import signal
import socket
import threading
import time

from stack import send, wait_until

DOWN = 2.0  # seconds a dependency is away


def stopped(suite, name):
    """Stopped as its operator would, and started again."""
    with suite.load() as load:
        suite.stack.stop(name)
        load.run(DOWN)
        suite.stack.start(name)
        back = load.recovered(suite.stack.wait_accepts(name))
    suite.after(load, back)


def ended(suite, name, sig):
    """Ended by a signal, down for a while, started again."""
    with suite.load() as load:
        suite.stack.kill_and_keep_down(name, sig)
        load.run(DOWN)
        suite.stack.start(name)
        back = load.recovered(suite.stack.wait_accepts(name))
    suite.after(load, back)


def backend_killed(suite):
    """Postgres drops all sessions when one of them is killed."""
    with suite.load() as load:
        for _ in range(max(2, suite.rounds // 10)):
            found = wait_until("backends", suite.stack.backends)
            send(random.choice(found), signal.SIGKILL)
            load.run(0.5)
            back = load.recovered(suite.stack.wait_accepts("postgres"),
                                  quiet=1.0)
        back = max(back, load.recovered(time.monotonic()))
    suite.after(load, back)


def hung(suite, name, whose, seconds):
    """There, but answers nothing."""
    with suite.load() as load:
        pids = whose(suite.stack)
        for pid in pids:
            send(pid, signal.SIGSTOP)
        load.run(seconds)
        for pid in pids:
            send(pid, signal.SIGCONT)
        back = load.recovered(suite.stack.wait_accepts(name))
    suite.after(load, back)


def flushed(suite):
    """Emptied again and again: nobody is logged out (row SE8)."""
    with suite.load() as load:
        end = time.monotonic() + DOWN
        while time.monotonic() < end:
            suite.stack.redis("FLUSHALL")
            load.run(0.02)
        back = load.recovered(time.monotonic(), quiet=1.0)
    suite.after(load, back)


class Madman(threading.Thread):
    """In Redis' place: garbage, answers of a wrong kind, late ones."""

    SAYS = (lambda: os.urandom(64), lambda: b"+OK\r\n",
            lambda: b"*4\r\n:1\r\n:1\r\n:1\r\n:1\r\n",
            lambda: b"$-1\r\n$3\r\nabc\r\n", lambda: b"*-7\r\n",
            lambda: b"$99999999999\r\n", lambda: b"-ERR no\r\n",
            lambda: b"*4\r\n$2\r\nS1\r\n$-1\r\n$-1\r\n$-1\r\n*4\r\n:1\r\n"
                    b":9\r\n:9\r\n:0\r\n", lambda: b"")

    def __init__(self, path):
        super().__init__(daemon=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(path)
        os.chmod(path, 0o777)
        self.server.listen(64)
        self.path = path
        self.calls = 0

    def run(self):
        while True:
            try:
                conn = self.server.accept()[0]
            except OSError:
                return
            self.calls += 1
            threading.Thread(target=self.talk, daemon=True,
                             args=(conn, random.choice(self.SAYS))).start()

    def talk(self, conn, say):
        with conn, contextlib.suppress(OSError):
            conn.settimeout(5)
            while conn.recv(65536):
                time.sleep(random.choice((0, 0, 0.03, 0.08)))
                conn.sendall(say())

    def end(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        os.unlink(self.path)


def replaced(suite):
    """Something else listens where Redis was."""
    with suite.load() as load:
        suite.stack.stop("redis")
        mad = Madman(suite.stack.run + "/redis.sock")
        mad.start()
        load.run(DOWN + 1)
        mad.end()
        suite.stack.start("redis")
        back = load.recovered(suite.stack.wait_accepts("redis"))
    suite.check("was_asked", mad.calls > 0, f"{mad.calls} connections")
    suite.after(load, back)


def mail_back(suite, load, since, before):
    """Seconds until mail flows again."""
    new = os.path.join(suite.stack.mail, "new")
    wait_until("the first mail", lambda: len(os.listdir(new)) > before)
    return time.monotonic() - since


def relay(suite, begin, end):
    """The relay is away; sign-ups go on, their mail comes later."""
    new = os.path.join(suite.stack.mail, "new")
    with suite.load() as load:
        begin(suite.stack)
        before = len(os.listdir(new))
        load.run(DOWN)
        end(suite.stack)
        since = suite.stack.wait_accepts("smtp")
        back = mail_back(suite, load, since, before)
        load.run(0.5)
    suite.check("refuses_nothing", not load.watch.refused,
                f"{len(load.watch.refused)} refused")
    suite.after(load, back)


def relay_stop(stack):
    stack.stop("smtp")


def relay_start(stack):
    stack.start("smtp")


def relay_hang(stack):
    stack.kill("smtp", signal.SIGSTOP)


def relay_wake(stack):
    stack.kill("smtp", signal.SIGCONT)


def relay_die(stack):
    stack.kill_and_keep_down("smtp", signal.SIGKILL)


def both(suite):
    """Postgres and Redis away at once, Redis back first."""
    with suite.load() as load:
        suite.stack.kill_and_keep_down("postgres", signal.SIGQUIT)
        suite.stack.kill_and_keep_down("redis", signal.SIGKILL)
        load.run(DOWN)
        suite.stack.start("redis")
        load.run(0.5)
        suite.stack.start("postgres")
        back = load.recovered(suite.stack.wait_accepts("postgres"))
    suite.after(load, back)


def all_of(name):
    return lambda stack: [stack.pid(name)]


SCENARIOS = (
    ("postgres_stopped", stopped, "postgres"),
    ("postgres_stopped_at_once", ended, "postgres", signal.SIGQUIT),
    ("postgres_killed", ended, "postgres", signal.SIGKILL),
    ("postgres_backend_killed", backend_killed),
    ("postgres_backends_hung", hung, "postgres",
     lambda stack: stack.backends(), 3.0),
    ("postgres_hung", hung, "postgres",
     lambda stack: stack.postgres_all(), 3.0),
    ("redis_stopped", stopped, "redis"),
    ("redis_killed", ended, "redis", signal.SIGKILL),
    ("redis_hung", hung, "redis", all_of("redis"), DOWN),
    ("redis_flushed", flushed),
    ("redis_replaced", replaced),
    ("postgres_and_redis_killed", both),
    ("smtp_stopped", relay, relay_stop, relay_start),
    ("smtp_hung", relay, relay_hang, relay_wake),
    ("smtp_killed", relay, relay_die, relay_start),
)
