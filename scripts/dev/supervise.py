#!/usr/bin/python3
"""Keep the services of one state directory running.

    supervise.py STATE          until SIGTERM
    supervise.py --reap STATE   end what a killed supervisor left behind

A service is a directory STATE/services/NAME with an executable `run` that
execs the program in the foreground. `down` in it keeps the service off,
`signal` names the signal that ends it (default TERM). The supervisor writes
`pid`: the process id, its start time and the boot it belongs to, so that a
number used again is never taken for ours, and the SHA-256 of the `run` it was
started with, so that who changed it sees when that has come true. SIGHUP makes it look again: what
has another `run` than it was started with is restarted.
"""

import fcntl
import hashlib
import os
import select
import signal
import subprocess
import sys
import time

# Who is asked, before who answers.
STOP_ORDER = [["web"], ["master", "worker", "grpc"], ["smtp", "redis", "postgres"]]
STOP_SECONDS = 10
LEFTOVER_SECONDS = 2
RETRY_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8)


def read(path):
    try:
        with open(path) as f:
            return f.read()
    except FileNotFoundError:
        return ""


def identity(pid):
    """Start time and boot of a living process, "" of none."""
    stat = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    if not stat or stat[0] in "ZX":
        return ""
    boot = read("/proc/sys/kernel/random/boot_id").strip()
    return f"{stat[19]} {boot}"


def write_pid(path, pid, digest=""):
    with open(path + ".new", "w") as f:
        f.write(f"{pid} {identity(pid)} {digest}\n")
    os.rename(path + ".new", path)


def remove(path):
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def kill_group(pid, sig):
    try:
        os.killpg(pid, sig)
        return True
    except ProcessLookupError:
        return False


class Service:
    def __init__(self, state, name):
        self.name = name
        self.dir = os.path.join(state, "services", name)
        self.log = os.path.join(state, "log", name + ".log")
        self.process = None
        self.digest = None
        self.kill_at = None
        self.retry_at = 0.0
        self.failures = 0
        self.leftovers = []

    def path(self, name):
        return os.path.join(self.dir, name)

    def run_digest(self):
        return hashlib.sha256(read(self.path("run")).encode()).hexdigest()

    def wanted(self):
        return os.path.exists(self.path("run")) and \
            not os.path.exists(self.path("down"))

    def start(self):
        self.digest = self.run_digest()
        self.started = time.monotonic()
        try:
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(
                    [self.path("run")], cwd=self.dir, stdout=log, stderr=log,
                    stdin=subprocess.DEVNULL, start_new_session=True)
            write_pid(self.path("pid"), self.process.pid, self.digest)
        except OSError as e:
            print(f"{self.name}: {e}", flush=True)
            self.retry_at = time.monotonic() + RETRY_SECONDS[-1]

    def stop(self):
        if self.process and self.kill_at is None:
            name = read(self.path("signal")).strip() or "TERM"
            self.process.send_signal(getattr(signal, "SIG" + name))
            self.process.send_signal(signal.SIGCONT)
            self.kill_at = time.monotonic() + STOP_SECONDS

    def reap(self):
        """Notice an end. Children that outlive their master may finish what
        they have in hand, not longer."""
        if self.process is None or self.process.poll() is None:
            return
        now = time.monotonic()
        if self.kill_at is None:
            print(f"{self.name}: ended with {self.process.returncode}",
                  flush=True)
            quick = now - self.started < 2
            self.failures = self.failures + 1 if quick else 0
            self.retry_at = now + RETRY_SECONDS[
                min(self.failures, len(RETRY_SECONDS) - 1)]
        else:
            self.failures, self.retry_at = 0, now
        if kill_group(self.process.pid, signal.SIGTERM):
            self.leftovers.append((now + LEFTOVER_SECONDS, self.process.pid))
        self.process, self.kill_at = None, None
        remove(self.path("pid"))

    def tick(self, up):
        """Do what is due; return when to look again."""
        now = time.monotonic()
        for due in [d for d in self.leftovers if d[0] <= now]:
            kill_group(due[1], signal.SIGKILL)
            self.leftovers.remove(due)
        if self.process:
            if not (up and self.wanted()) or \
                    self.run_digest() != self.digest:
                self.stop()
            if self.kill_at is not None and self.kill_at <= now:
                kill_group(self.process.pid, signal.SIGKILL)
                self.kill_at = now + STOP_SECONDS
        elif up and self.wanted() and self.retry_at <= now:
            self.start()
        times = [d[0] for d in self.leftovers]
        if self.process and self.kill_at is not None:
            times.append(self.kill_at)
        elif not self.process and up and self.wanted():
            times.append(self.retry_at)
        return min(times, default=now + 3600)


class Supervisor:
    def __init__(self, state):
        self.state = state
        self.services = {}
        self.ending = False

    def names(self):
        where = os.path.join(self.state, "services")
        return [n for n in os.listdir(where)
                if os.path.exists(os.path.join(where, n, "run"))]

    def allowed(self, name):
        """While ending, a service stays until those before it are gone."""
        if not self.ending:
            return True
        for rank in STOP_ORDER:
            if name in rank:
                return False
            if any(n in self.services and self.services[n].process
                   for n in rank):
                return True
        return False

    def step(self):
        for name in self.names():
            self.services.setdefault(name, Service(self.state, name))
        every = list(self.services.values())
        for service in every:
            service.reap()
        return min((s.tick(self.allowed(s.name)) for s in every),
                   default=time.monotonic() + 3600)

    def run(self):
        wake, write = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for sig in (signal.SIGCHLD, signal.SIGHUP, signal.SIGINT,
                    signal.SIGTERM):
            signal.signal(sig, self.on_signal)
        while True:
            until = self.step()
            if self.ending and not any(
                    s.process or s.leftovers for s in self.services.values()):
                return
            select.select([wake], [], [],
                          max(0.0, until - time.monotonic()))
            try:
                os.read(wake, 4096)
            except BlockingIOError:
                pass

    def on_signal(self, sig, _frame):
        if sig in (signal.SIGTERM, signal.SIGINT):
            self.ending = True


def reap(state):
    """Services whose supervisor died without a word."""
    where = os.path.join(state, "services")
    left = {}
    for name in os.listdir(where):
        words = read(os.path.join(where, name, "pid")).split()
        if len(words) == 4 and identity(words[0]) == " ".join(words[1:3]):
            left[name] = int(words[0])
        remove(os.path.join(where, name, "pid"))
    for name, pid in left.items():
        how = read(os.path.join(where, name, "signal")).strip() or "TERM"
        os.kill(pid, getattr(signal, "SIG" + how))
        os.kill(pid, signal.SIGCONT)
    end = time.monotonic() + STOP_SECONDS
    while any(identity(p) for p in left.values()):
        if time.monotonic() > end:
            for pid in left.values():
                kill_group(pid, signal.SIGKILL)
        time.sleep(0.05)
    for pid in left.values():
        kill_group(pid, signal.SIGKILL)


def main():
    state = os.path.abspath(sys.argv[-1])
    lock = open(os.path.join(state, "supervisor.lock"), "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("another supervisor works in " + state)
    reap(state)
    if "--reap" not in sys.argv:
        pid_file = os.path.join(state, "supervisor.pid")
        write_pid(pid_file, os.getpid())
        Supervisor(state).run()
        remove(pid_file)


main()
