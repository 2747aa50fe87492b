"""An SMTP relay for tests, with faults on order.

    smtp_server.py PORT DIR [--tls CERT KEY] [--auth USER PASSWORD]
                   [--connections N]

Every accepted message becomes DIR/new/<n>.eml, written before the answer.
The file DIR/script, when there, says how to answer: a line
"<command> <reply>" for each fault, the command being MAIL, RCPT or DATA, or
"DROP" (the connection ends after the data, nothing is kept), or "SLOW <s>"
(the answer to the data comes that much later), or "STALL <s>" (that to MAIL),
or "HOLD <n>" (the answers to the data come when n messages are there, or that
line is gone).
DIR/connections holds the most connections that were open at once; one more
than N is turned away with 421.
"""
import argparse
import asyncio
import os
import signal
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult


class Handler:
    def __init__(self, where):
        self.where = where
        self.n = 0
        os.makedirs(os.path.join(where, "new"), exist_ok=True)
        os.makedirs(os.path.join(where, "tmp"), exist_ok=True)

    def script(self, command):
        try:
            with open(os.path.join(self.where, "script")) as f:
                lines = f.read().splitlines()
        except FileNotFoundError:
            return None
        for line in lines:
            word, _, rest = line.partition(" ")
            if word == command:
                return rest or "yes"
        return None

    async def handle_MAIL(self, server, session, envelope, address, options):
        stall = self.script("STALL")
        if stall:
            await asyncio.sleep(float(stall))
        answer = self.script("MAIL")
        if answer:
            return answer
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = self.script("RCPT")
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        answer = self.script("DATA")
        if answer:
            return answer
        slow = self.script("SLOW")
        if slow:
            await asyncio.sleep(float(slow))
        if self.script("DROP"):
            server.transport.abort()
            return "421 gone"
        self.n += 1
        name = f"{os.getpid()}.{self.n}.eml"
        draft = os.path.join(self.where, "tmp", name)
        head = f"X-Rcpt: {','.join(envelope.rcpt_tos)}\r\n" \
            f"X-From: {envelope.mail_from}\r\n" \
            f"X-Tls: {'yes' if session.ssl else 'no'}\r\n" \
            f"X-Auth: {session.authenticated}\r\n"
        with open(draft, "wb") as f:
            f.write(head.encode() + envelope.original_content)
        os.rename(draft, os.path.join(self.where, "new", name))
        while self.n < int(self.script("HOLD") or 0):
            await asyncio.sleep(0.01)
        return "250 OK"


class Limited(Controller):
    """Counts connections, and turns away what is too many."""
    open = most = limit = 0

    def factory(self):
        controller = self

        class Server(SMTP):
            counted = False

            def connection_made(self, transport):
                if self.transport is not None:      # STARTTLS
                    return super().connection_made(transport)
                if controller.limit and controller.open >= controller.limit:
                    transport.write(b"421 4.7.0 too many connections\r\n")
                    transport.close()
                    return None
                controller.open += 1
                self.counted = True
                controller.note()
                return super().connection_made(transport)

            def connection_lost(self, error):
                if self.counted:
                    controller.open -= 1
                    self.counted = False
                    super().connection_lost(error)

        return Server(self.handler, **self.SMTP_kwargs)

    def note(self):
        if self.open <= self.most:
            return
        self.most = self.open
        path = os.path.join(self.handler.where, "connections")
        with open(path + ".new", "w") as f:
            f.write(str(self.most))
        os.rename(path + ".new", path)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("port", type=int)
    p.add_argument("dir")
    p.add_argument("--tls", nargs=2)
    p.add_argument("--auth", nargs=2)
    p.add_argument("--connections", type=int, default=0)
    o = p.parse_args()
    extra = {}
    if o.tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*o.tls)
        extra.update(tls_context=context, require_starttls=True)
    if o.auth:
        user, password = (x.encode() for x in o.auth)

        def check(server, session, envelope, mechanism, data):
            ok = (data.login, data.password) == (user, password)
            return AuthResult(success=ok, handled=False)

        extra.update(authenticator=check, auth_required=True,
                     auth_require_tls=bool(o.tls))
    c = Limited(Handler(o.dir), hostname="127.0.0.1", port=o.port, **extra)
    c.limit = o.connections
    c.start()
    print("ready", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    sys.exit(0)


main()
