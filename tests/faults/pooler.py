"""PgBouncer in transaction mode between the programs and Postgres."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

from stack import send, stat, wait_until

INI = """[databases]
postern = host=127.0.0.1 port={pg_port} dbname=postern user=postern \
password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
max_client_conn = 200
server_login_retry = 1
logfile = {dir}/log
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Pooler:
    def __init__(self, stack):
        url = urllib.parse.urlsplit(stack.places()["DATABASE_URL"])
        self.dir = tempfile.mkdtemp(prefix="postern-pooler.")
        self.port = free_port()
        with open(self.dir + "/ini", "w") as f:
            f.write(INI.format(pg_port=url.port, password=url.password,
                               port=self.port, dir=self.dir))
        self.command = ["pgbouncer", "-q", self.dir + "/ini"]
        if os.getuid() == 0:  # which it refuses to be
            shutil.chown(self.dir, "nobody")
            shutil.chown(self.dir + "/ini", "nobody")
            self.command[:0] = ["setpriv", "--reuid=nobody",
                                "--regid=nogroup", "--clear-groups"]
        self.start()

    def url(self):
        return f"postgresql://postern@127.0.0.1:{self.port}/postern"

    def start(self):
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until("pgbouncer", self.accepts)

    def accepts(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        self.kill()
        shutil.rmtree(self.dir)


def pooled(suite):
    """The core flows, then Postgres restarted behind it, then itself."""
    stack = suite.stack
    pool = Pooler(stack)
    owner = stack.places()["DATABASE_OWNER_URL"]
    try:
        stack.up(DATABASE_URL=pool.url(), DATABASE_OWNER_URL=owner)
        with suite.load() as load:
            load.run(3)
        suite.check("refuses_nothing", not load.watch.refused,
                    f"{len(load.watch.refused)} refused")
        suite.after(load)
        with suite.load() as load:
            stack.kill_and_keep_down("postgres", signal.SIGQUIT)
            load.run(2)
            stack.start("postgres")
            back = load.recovered(stack.wait_accepts("postgres"))
            pool.kill()
            load.run(1)
            pool.start()
            back = max(back, load.recovered(time.monotonic()))
        suite.after(load, back)
    finally:
        stack.up()
        pool.end()


SCENARIOS = (
    ("pgbouncer_between", pooled),
)
