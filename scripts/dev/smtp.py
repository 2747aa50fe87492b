#!/usr/bin/python3
"""An SMTP server on loopback that files every mail in a Maildir.

    smtp.py PORT MAILDIR

A mail is answered with 250 after it is in MAILDIR/new; the envelope stands in
its headers X-MailFrom and X-RcptTo.
"""

import asyncio
import os
import signal
import sys

from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import SMTP


async def main():
    port, maildir = int(sys.argv[1]), sys.argv[2]
    os.umask(0o022)
    loop = asyncio.get_running_loop()
    handler = Mailbox(maildir)
    server = await loop.create_server(
        lambda: SMTP(handler, enable_SMTPUTF8=True, ident="postern-dev"),
        "127.0.0.1", port)
    ended = asyncio.Event()
    for sig in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sig, ended.set)
    await ended.wait()
    server.close()


asyncio.run(main())
