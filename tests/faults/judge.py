"""After the fault: is everything there that was acknowledged?"""

import collections
import concurrent.futures
import email
import email.policy
import os
import time

from stack import address
from web import Watch, Web

CODE, RESET = "verification code", "eset"


class Maildir:
    """Mails by recipient, each file read once."""

    def __init__(self, path):
        self.path = os.path.join(path, "new")
        self.seen = {}
        self.by_to = collections.defaultdict(list)

    def look(self):
        for name in os.listdir(self.path):
            if name in self.seen:
                continue
            with open(os.path.join(self.path, name), "rb") as f:
                head = email.message_from_bytes(
                    f.read(4096), policy=email.policy.default)
            mail = (str(head["Message-ID"]), str(head["Subject"]),
                    str(head["To"]))
            self.seen[name] = mail
            self.by_to[mail[2]].append(mail)

    def of(self, account):
        return self.by_to.get(account.email, [])

    def duplicates(self):
        """Mails that came again, and message ids that name two mails."""
        mails = collections.defaultdict(list)
        for m in self.seen.values():
            mails[m[0]].append(m)
        again = sum(len(m) - 1 for m in mails.values())
        return again, [i for i, m in mails.items() if len(set(m)) > 1]


class Judge:
    def __init__(self, stack):
        self.stack = stack
        self.maildir = Maildir(stack.mail)

    def each(self, items, judge):
        """judge(web, item) for all, by a few clients; what they say."""
        watch, said = Watch(), []
        items = list(items)

        def part(k):
            web = Web(self.stack.base, watch)
            out = [t for i in items[k::6] for t in judge(web, i)]
            web.close()
            return out
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            for out in pool.map(part, range(6)):
                said += out
        return said + watch.breaches

    @staticmethod
    def login(web, account):
        a = web.login(account, client=address())
        if not a.ok:
            yield f"an acknowledged account cannot log in: {a}"

    @staticmethod
    def live(web, s):
        """The newest token works, once; one before it ends the family."""
        if s.pending:
            a = web.refresh(s.refresh, s.pending)
        else:
            a = web.refresh(s.refresh)
        if not a.ok:
            yield f"an acknowledged refresh token is lost: {a}"
            return
        if not web.me(a.data["access_token"]).ok:
            yield "a new access token does not work"
        old = s.older[-1] if s.older else s.refresh
        if web.refresh(old).status != 401:
            yield "an older refresh token works"
        if web.me(a.data["access_token"]).status != 401:
            yield "the second use of a token did not end its family"
        s.refresh = a.data["refresh_token"]
        s.access = a.data["access_token"]

    @staticmethod
    def dead(web, s):
        for a in (web.me(s.access), web.refresh(s.refresh)):
            if a.status != 401:
                yield f"a session ended is alive: {a}"

    def writes(self, ledger):
        """Everything acknowledged holds. Live sessions are dead after."""
        said = self.each(ledger.accounts, self.login)
        said += self.each(ledger.dead, self.dead)
        said += self.each(ledger.live, self.live)
        ledger.dead += ledger.live
        ledger.live = []
        return said

    def missing(self, accounts):
        for a in accounts:
            mails = self.maildir.of(a)
            codes = {m[0] for m in mails if CODE in m[1]}
            resets = {m[0] for m in mails if RESET in m[1]}
            if not codes:
                yield f"no code for {a.email}"
            if len(codes) > 1:
                yield f"{len(codes)} codes for {a.email}"
            if not a.resets <= len(resets) <= a.resets + a.resets_maybe:
                yield (f"{len(resets)} reset mails for {a.email}, told "
                       f"{a.resets}, unknown {a.resets_maybe}")

    def mails(self, ledger, seconds=40):
        end = time.monotonic() + seconds
        while True:
            self.maildir.look()
            said = list(self.missing(ledger.accounts))
            if not said or time.monotonic() > end:
                return said + [f"one Message-ID, two mails: {i}"
                               for i in self.maildir.duplicates()[1]]
            time.sleep(0.1)
