"""The stack under test: its processes, its services, its settings."""

import glob
import os
import random
import signal
import socket
import subprocess
import time
import urllib.parse

# Every request of the load comes from an address of its own, and the load
# must not meet the limits that are not the subject.
SETTINGS = {
    "TRUSTED_PROXIES": "127.0.0.1/32",
    "RATE_LIMIT_USER": "1000000",
    "RATE_LIMIT_ANONYMOUS": "1000000",
    "RATE_LIMIT_REGISTER": "1000000",
    "RATE_LIMIT_PASSWORD_RESET": "1000000",
    "JWT_ACCESS_TOKEN_TTL": "86400",
}


def wait_until(what, test, seconds=30.0):
    end = time.monotonic() + seconds
    while True:
        value = test()
        if value:
            return value
        if time.monotonic() > end:
            raise RuntimeError("waited in vain for " + what)
        time.sleep(0.01)


def read(path):
    try:
        with open(path, errors="replace") as f:
            return f.read()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def stat(pid):
    """State letter and parent of a living process, or None."""
    words = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    if not words or words[0] in "ZX":
        return None
    return words[0], int(words[1])


def children(pid):
    words = " ".join(map(read, glob.glob(f"/proc/{pid}/task/*/children")))
    return [int(w) for w in words.split() if stat(w)]


def send(pid, sig):
    try:
        os.kill(pid, sig)
        return True
    except ProcessLookupError:
        return False


class Stack:
    def __init__(self, root):
        self.root = root
        self.state = os.environ["STATE_DIR"]
        self.base = os.environ["BASE_URL"]
        self.mail = os.environ["MAIL_DIR"]
        self.run = os.path.realpath(os.environ["RUN_DIR"])

    # as ./dev knows them

    def dev(self, *words, settings=None):
        keep = ("PATH", "HOME", "LANG", "POSTERN_DEV_DIR", "PORT",
                "POSTERN_DEV_BUILD")
        env = {k: os.environ[k] for k in keep if k in os.environ}
        env.update(settings or {})
        done = subprocess.run([self.root + "/dev", *words], env=env,
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise RuntimeError(f"./dev {words[0]}: {done.stdout[-2000:]}")
        return done.stdout

    def up(self, **settings):
        self.dev("up", settings={**SETTINGS, **settings})

    def env(self):
        lines = self.dev("env").splitlines()
        return dict(line.split("=", 1) for line in lines)

    def pid(self, name):
        """0 when it does not run."""
        words = read(f"{self.state}/services/{name}/pid").split()
        return int(words[0]) if words and stat(words[0]) else 0

    def stop(self, name):
        self.dev("stop-service", name)

    def start(self, name):
        self.dev("start-service", name)

    def kill(self, name, sig=signal.SIGKILL):
        """Signal it; the supervisor brings back what dies of it."""
        return send(self.pid(name), sig)

    def kill_and_keep_down(self, name, sig):
        pid = self.pid(name)
        open(f"{self.state}/services/{name}/down", "w").close()
        send(pid, sig)
        wait_until(name + " to end", lambda: stat(pid) is None)

    # its processes

    def workers(self, heavy):
        """Of one lane, as ps names them."""
        found = children(self.pid("master"))
        name = "postern-heavy\n" if heavy else "postern-light\n"
        return [p for p in found if read(f"/proc/{p}/comm") == name]

    def backends(self):
        """Postgres' processes that serve the application."""
        found = children(self.pid("postgres"))
        return [p for p in found
                if read(f"/proc/{p}/cmdline").startswith("postgres: postern")]

    def postgres_all(self):
        return [self.pid("postgres"), *children(self.pid("postgres"))]

    # does a service take connections?

    def accepts(self, name):
        env = self.places()
        if name == "postgres":
            return subprocess.run(
                ["psql", "-qXAt", env["DATABASE_OWNER_URL"], "-c",
                 "select 1"], stdin=subprocess.DEVNULL,
                capture_output=True).stdout.strip() == b"1"
        if name == "redis":
            try:
                return self.redis("PING") == b"+PONG"
            except OSError:
                return False
        port = {"smtp": env["SMTP_PORT"], "web": env["PORT"]}[name]
        try:
            socket.create_connection(("127.0.0.1", int(port)), 1).close()
            return True
        except OSError:
            return False

    def wait_accepts(self, name):
        wait_until(name, lambda: self.pid(name) and self.accepts(name))
        return time.monotonic()

    def places(self):
        if not hasattr(self, "_places"):
            self._places = {"PORT": self.base.rpartition(":")[2],
                            **self.env()}
        return self._places

    def redis_tell(self, *words):
        """A connection on which a command was sent, not answered yet."""
        url = self.places()["REDIS_URL"]
        secret = urllib.parse.urlsplit(url).password.encode()
        conn = socket.socket(socket.AF_UNIX)
        conn.settimeout(2)
        conn.connect(self.run + "/redis.sock")
        for command in ((b"AUTH", secret), words):
            conn.sendall(b"*%d\r\n" % len(command) + b"".join(
                b"$%d\r\n%s\r\n" % (len(w), w) for w in command))
        return conn

    def redis(self, *words):
        """One command; the first line of the answer."""
        with self.redis_tell(*(w.encode() for w in words)) as conn:
            f = conn.makefile("rb")
            f.readline()
            return f.readline().rstrip(b"\r\n")

    def redis_get(self, key):
        with self.redis_tell(b"GET", key.encode()) as conn:
            f = conn.makefile("rb")
            f.readline()
            size = int(f.readline()[1:])
            if size < 0:
                raise RuntimeError("Redis has no " + key)
            return f.read(size)


def address():
    """A client nobody has seen."""
    return "10." + ".".join(str(random.randrange(1, 255)) for _ in range(3))
