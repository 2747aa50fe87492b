"""Users at work while things break, and the ledger of what they were told."""

import random
import threading
import time
import uuid

from stack import address
from web import Watch, Web

WORD = "Correct-Horse-7"
WRONG_AT_MOST = 40  # far from the hundred failures that lock for everyone


class Account:
    def __init__(self):
        self.name = "u" + uuid.uuid4().hex[:16]
        self.email = self.name + "@example.org"
        self.password = WORD + self.name[:4]
        self.client = address()
        self.resets = 0        # acknowledged
        self.resets_maybe = 0  # fate unknown
        self.wrong = 0


class Session:
    def __init__(self, account, data):
        self.account = account
        self.access = data["access_token"]
        self.refresh = data["refresh_token"]
        self.older = []
        self.pending = None  # key of a refresh whose answer was lost


class Ledger:
    """What was acknowledged. Lists only grow, so threads may append."""

    def __init__(self):
        self.accounts = []
        self.live = []
        self.dead = []
        self.refreshes = 0
        self.writes = 0
        self.wrong = 0
        self.trespasses = 0

    def add(self, other):
        self.accounts += other.accounts
        self.live += other.live
        self.dead += other.dead
        self.refreshes += other.refreshes
        self.writes += other.writes
        self.wrong += other.wrong
        self.trespasses += other.trespasses


class Actor(threading.Thread):
    """One user after another, each step repeated until it is answered."""

    def __init__(self, stack, ledger, watch, stop, pace):
        super().__init__(daemon=True)
        self.web = Web(stack.base, watch)
        self.ledger = ledger
        self.watch = watch
        self.stop = stop
        self.pace = pace
        self.mine = []

    def run(self):
        try:
            while not self.stop.is_set():
                self.life()
        except Exception as e:  # a fault of the test is a failure too
            self.watch.breach(f"the load broke: {e!r}")
        self.web.close()

    def rest(self):
        self.stop.wait(self.pace * random.random())

    def until_answered(self, step):
        """Do step until its answer is one; None when the load ends."""
        self.tries = 0
        while True:
            a = step()
            self.tries += 1
            if not a.unknown:
                return a
            if self.stop.wait(0.05):
                return None

    def life(self):
        if self.mine and random.random() < 0.6:
            account = random.choice(self.mine)
            session = self.log_in(account)
        else:
            session = self.register()
        if session is None:
            self.rest()
            return
        self.look(session)
        for _ in range(random.randrange(3)):
            if not self.renew(session):
                return
            self.look(session)
            self.rest()
        if random.random() < 0.3:
            self.mistake(session.account)
        if random.random() < 0.3:
            self.ask_reset(session.account)
        if random.random() < 0.5:
            self.log_out(session)
        else:
            self.ledger.live.append(session)

    def register(self):
        account = Account()
        key = uuid.uuid4().hex
        body = {"email": account.email, "username": account.name,
                "password": account.password}
        a = self.until_answered(lambda: self.web.ask(
            "POST", "/auth/register", body, key=key, client=account.client))
        if a is None:
            return None
        if a.status == 409 and a.body["code"] == "IDEMPOTENCY_CONFLICT":
            return None  # its fate is not known yet
        # a try that was answered 503 may have been committed after all
        done = a.status == 409 and a.body["code"] == "EMAIL_TAKEN" and \
            self.tries > 1
        if a.status != 201 and not done:
            self.watch.breach(f"register: {a}")
            return None
        self.ledger.writes += 1
        self.ledger.accounts.append(account)
        self.mine.append(account)
        if done:
            return self.log_in(account)
        return Session(account, a.data)

    def log_in(self, account):
        a = self.until_answered(
            lambda: self.web.login(account, client=address()))
        if a is None:
            return None
        if not a.ok or a.data["user"]["email"] != account.email:
            self.watch.breach(f"login: {a}")
            return None
        self.ledger.writes += 1
        account.wrong = 0
        return Session(account, a.data)

    def look(self, session):
        a = self.web.me(session.access)
        if a.unknown:
            return
        if not a.ok or session.account.email not in str(a.body):
            self.watch.breach(f"a live session: {a}")

    def renew(self, session):
        """The same Idempotency-Key repairs a lost answer."""
        session.pending = uuid.uuid4().hex
        a = self.until_answered(
            lambda: self.web.refresh(session.refresh, session.pending))
        if a is None:
            self.ledger.live.append(session)
            return False
        if not a.ok:
            self.watch.breach(f"the newest refresh token: {a}")
            return False
        self.ledger.writes += 1
        self.ledger.refreshes += 1
        session.pending = None
        session.older.append(session.refresh)
        session.refresh = a.data["refresh_token"]
        session.access = a.data["access_token"]
        return True

    def mistake(self, account):
        if account.wrong >= 2:
            return
        account.wrong += 1
        a = self.web.login(account, account.password + "x",
                           client=address())
        self.ledger.wrong += 1
        if a.ok or a.status not in (401, 423, 429) and not a.unknown:
            self.watch.breach(f"a wrong password: {a}")

    def ask_reset(self, account):
        a = self.web.ask("POST", "/auth/password-reset/request",
                         {"email": account.email}, client=address())
        if a.ok:
            self.ledger.writes += 1
            account.resets += 1
        elif a.unknown:
            account.resets_maybe += 1
        else:
            self.watch.breach(f"reset: {a}")

    def log_out(self, session):
        first = self.web.logout(session.access)
        a = first if not first.unknown else self.until_answered(
            lambda: self.web.logout(session.access))
        if a is None:
            return
        # 401: an earlier try, whose answer was lost, has ended it
        if not (a.ok or a.status == 401 and a is not first):
            self.watch.breach(f"logout: {a}")
            return
        self.ledger.writes += 1
        self.ledger.dead.append(session)
        if self.web.me(session.access).ok:
            self.watch.breach("let in at once after logout")


class Trespasser(threading.Thread):
    """Tries what is dead, of now and of earlier."""

    def __init__(self, stack, ledger, watch, stop, pace, graves):
        super().__init__(daemon=True)
        self.web = Web(stack.base, watch)
        self.ledger = ledger
        self.watch = watch
        self.stop = stop
        self.pace = pace
        self.graves = graves

    def run(self):
        while not self.stop.wait(self.pace * random.random()):
            near = self.ledger.dead[-20:]
            dead = near if near and random.random() < 0.8 else \
                self.graves or near
            if dead:
                self.knock(random.choice(dead))
        self.web.close()

    def knock(self, session):
        door = random.random()
        if door < 0.7:
            a = self.web.me(session.access)
        elif door < 0.9:
            a = self.web.refresh(session.refresh)
        else:
            a = self.web.logout(session.access)
        self.ledger.trespasses += 1
        if a.status != 401 and not a.unknown:
            self.watch.breach(f"a dead session was let in: {a}")


class Poller(threading.Thread):
    """Asks for readiness; notes when it was less than full."""

    def __init__(self, stack, watch, stop):
        super().__init__(daemon=True)
        self.web = Web(stack.base, watch)
        self.stop = stop
        self.degraded = []

    def run(self):
        while not self.stop.wait(0.02):
            a = self.web.ask("GET", "/health/ready", watch=False)
            if a.status != 200 or a.body["status"] != "ready":
                self.degraded.append((a.began, a.ended, a.status))
        self.web.close()


class Load:
    """with Load(stack) as load: ... the load runs inside the block."""

    def __init__(self, stack, allow=frozenset(), actors=5, pace=0.1,
                 graves=()):
        self.ledger = Ledger()
        self.watch = Watch(allow)
        self.stop = threading.Event()
        self.poller = Poller(stack, self.watch, self.stop)
        self.threads = [self.poller, Trespasser(
            stack, self.ledger, self.watch, self.stop, pace, graves)]
        self.threads += [Actor(stack, self.ledger, self.watch, self.stop,
                               pace) for _ in range(actors)]

    def __enter__(self):
        for t in self.threads:
            t.start()
        end = time.monotonic() + 20
        while len(self.ledger.dead) < 2 and time.monotonic() < end:
            time.sleep(0.02)
        return self

    def __exit__(self, kind, *_):
        self.stop.set()
        for t in self.threads:
            t.join(40)

    def run(self, seconds):
        time.sleep(seconds)

    def last_refusal(self, since):
        """When service was last less than full, in seconds from since."""
        last = self.watch.last_refusal(since)
        ends = [e for b, e, _ in self.poller.degraded if b >= since]
        return max([last] + [e - since for e in ends])

    def recovered(self, since, quiet=2.0, longest=12.0):
        """Go on until nothing was refused for a while; seconds to full
        service."""
        while True:
            now, last = time.monotonic() - since, self.last_refusal(since)
            if now - last >= quiet or now > longest:
                return last
            time.sleep(0.05)
