"""Sessions ended while Redis cannot be told, or forgets that it was (rows
SE8, RT9), and counts that Redis cannot make be forgotten (row RL8)."""

import base64
import contextlib
import json
import os
import signal
import struct
import threading
import time

from load import Account, Session
from stack import address, wait_until
from web import Watch, Web

ENTRY_LIFE = 5.0  # seconds Redis keeps a session
DOUBT = 8.0  # seconds it is not asked after it could not be told


def believed(suite):
    """Wait until nothing is left of earlier doubts about what Redis holds:
    the second field of the memory the processes share."""
    web = Web(suite.stack.base, Watch())
    signed_in(web)

    def sure():
        with open(suite.stack.run + "/shared", "rb") as f:
            until = struct.unpack_from("<q", f.read(16), 8)[0]
        return until <= time.monotonic() * 1e6
    wait_until("trust in Redis", sure)
    return web


def signed_in(web):
    """A new user whose session stands in Redis."""
    account = Account()
    a = web.ask("POST", "/auth/register", {
        "email": account.email, "username": account.name,
        "password": account.password}, client=account.client)
    if not a.ok:
        raise RuntimeError(str(a))
    session = Session(account, a.data)
    for _ in range(8):
        web.me(session.access)
    return session


def knock(web, sessions, seconds):
    """Keep trying; who is let in?"""
    said, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        for s in sessions:
            a = web.me(s.access)
            if a.ok:
                said.append("let in after logout")
            elif a.status != 401 and not a.unknown:
                said.append(str(a))
        time.sleep(0.02)
    return said


def end_them(web, sessions, said):
    for s in sessions:
        a = web.logout(s.access)
        if not a.ok:
            said.append(f"logout: {a}")
        if web.me(s.access).status != 401:
            said.append("let in at once")


def hung(suite):
    """Redis hangs, sessions end, Redis comes back with its old content."""
    web, said = believed(suite), []
    sessions = [signed_in(web) for _ in range(10)]
    for s in sessions:
        web.me(s.access)
    suite.stack.kill("redis", signal.SIGSTOP)
    try:
        end_them(web, sessions, said)
    finally:
        suite.stack.kill("redis", signal.SIGCONT)
    said += knock(web, sessions, ENTRY_LIFE + 1)
    suite.check("keeps_ended_sessions_out", said + web.watch.breaches,
                f"{len(sessions)} sessions")


def restored(suite):
    """Redis dies and comes back with a snapshot older than the logout."""
    web, said = believed(suite), []
    dump = suite.stack.run + "/dump.rdb"
    sessions = [signed_in(web) for _ in range(4)]
    try:
        for s in sessions:
            web.me(s.access)
        line = suite.stack.redis("SAVE")
        if line != b"+OK":
            raise RuntimeError(f"SAVE: {line!r}")
        end_them(web, sessions, said)
        old = suite.stack.pid("redis")
        suite.stack.kill("redis", signal.SIGKILL)
        wait_until("another Redis", lambda: suite.stack.pid("redis")
                   not in (0, old) and suite.stack.accepts("redis"))
        said += knock(web, sessions, ENTRY_LIFE + 1)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(dump)
    suite.check("keeps_ended_sessions_out", said + web.watch.breaches,
                f"{len(sessions)} sessions")


def emptied(suite):
    """Redis is emptied while sessions end and are asked for: no reader may
    write back what it read before the end."""
    web, said = believed(suite), []
    done = threading.Event()

    def empty():
        while not done.is_set():
            suite.stack.redis("FLUSHALL")

    def ask(session, ended):
        mine = Web(suite.stack.base, Watch())
        while not done.is_set():
            late = ended.is_set()
            a = mine.me(session.access)
            if late and a.ok:
                said.append("let in after logout")
                return

    emptier = threading.Thread(target=empty, daemon=True)
    emptier.start()
    rounds = min(20, max(5, suite.rounds))
    for _ in range(rounds):
        session, ended = signed_in(web), threading.Event()
        askers = [threading.Thread(target=ask, args=(session, ended),
                                   daemon=True) for _ in range(3)]
        for t in askers:
            t.start()
        if not web.logout(session.access).ok:
            said.append("logout failed")
        ended.set()
        time.sleep(0.2)
        done.set()
        for t in [*askers, emptier]:
            t.join(10)
        done.clear()
        emptier = threading.Thread(target=empty, daemon=True)
        emptier.start()
    done.set()
    emptier.join(10)
    suite.check("keeps_ended_sessions_out", said + web.watch.breaches,
                f"{rounds} sessions")


def late(suite):
    """A write to Redis from before the end is carried out long after it,
    when nobody doubts any more: the server hung meanwhile."""
    web, said = believed(suite), []
    session = signed_in(web)
    payload = session.access.split(".")[1]
    sid = json.loads(base64.urlsafe_b64decode(payload + "=="))["sid"]
    entry = suite.stack.redis_get("session:" + sid)
    suite.stack.kill("redis", signal.SIGSTOP)
    try:
        conn = suite.stack.redis_tell(
            b"SET", b"session:" + sid.encode(), entry, b"EX", b"5")
        for _ in range(20):  # Redis is given up: no mark is on its way
            web.me(session.access)
        end_them(web, [session], said)
        time.sleep(DOUBT + 0.5)
    finally:
        suite.stack.kill("redis", signal.SIGCONT)
    said += knock(web, [session], ENTRY_LIFE + 1)
    conn.close()
    suite.check("keeps_ended_sessions_out", said + web.watch.breaches)


def guesses(web, account, client, n):
    """Statuses of n wrong passwords."""
    return [web.login(account, "Wrong-" + account.password,
                      client=client).status for _ in range(n)]


def counted(suite):
    """Without Redis Postgres counts logins of an address, and emptying
    Redis gives nobody a sixth guess at a password (rows RL2, RL8)."""
    web = Web(suite.stack.base, Watch())
    account = signed_in(web).account
    said, client = [], address()
    for _ in range(2):
        said += guesses(web, account, client, 3)
        suite.stack.redis("FLUSHALL")
    suite.check("gives_no_sixth_guess", said[:5] == [401] * 5
                and said[5] in (423, 429), f"{said}")
    account, client = signed_in(web).account, address()
    suite.stack.stop("redis")
    try:
        said = [web.login(Account(), client=client).status
                for _ in range(7)]
    finally:
        suite.stack.start("redis")
    suite.check("counts_without_redis", said == [401] * 5 + [429] * 2,
                f"{said}")
    suite.stack.wait_accepts("redis")


SCENARIOS = (
    ("session_ended_while_redis_is_emptied", emptied),
    ("session_ended_before_redis_is_restored", restored),
    ("session_ended_while_redis_hangs", hung),
    ("session_ended_and_a_write_comes_late", late),
    ("attempts_while_redis_forgets", counted),
)
