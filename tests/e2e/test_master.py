"""The prefork master: replacement, graceful end, reload, lanes.

Runs tests/bench/hello (the real transport, workers and master with a constant
answer) on a socket it inherits, as spawn-fcgi would start it. HELLO names the
program; without it the build directories are searched.
"""
import glob
import json
import os
import secrets
import select
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))


def program():
    found = [os.environ.get("HELLO", "")]
    for place in (os.getcwd(), ROOT, ROOT + "/build*", ROOT + "/.dev*/build"):
        found += glob.glob(place + "/tests/bench/hello")
    found = [f for f in found if os.access(f, os.X_OK)]
    if not found:
        pytest.skip("tests/bench/hello is not built (make check)")
    return os.path.abspath(found[0])


def until(what, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = what()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("did not happen: %s" % what)


def record(kind, content):
    return struct.pack(">BBHHBB", 1, kind, 1, len(content), 0, 0) + content


def request(uri, body=b"", **more):
    params = b""
    for name, value in (("REQUEST_METHOD", "GET"), ("REQUEST_URI", uri),
                        *more.items()):
        params += struct.pack(">BI", len(name), 0x80000000 | len(value))
        params += name.encode() + value.encode()
    data = record(1, struct.pack(">HB5x", 1, 0))
    data += record(4, params) + record(4, b"")
    if body:
        data += record(5, body)
    return data + record(5, b"")


class Master:
    def __init__(self, directory, *args, env=None):
        self.path = str(directory / "sock")
        self.log = str(directory / "log")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path)
        listener.listen(1024)
        self.process = subprocess.Popen(
            [program(), *args], stdin=listener,
            stderr=open(self.log, "a"), env={**os.environ, **(env or {})})
        listener.close()
        until(lambda: self.said("ready"))

    @property
    def pid(self):
        return self.process.pid

    def said(self, text):
        return open(self.log).read().count('"msg":"' + text)

    def connect(self):
        conn = socket.socket(socket.AF_UNIX)
        conn.connect(self.path)
        conn.settimeout(30)
        return conn

    def send(self, uri, body=b""):
        conn = self.connect()
        conn.sendall(request(uri, body))
        return conn

    @staticmethod
    def answer(conn):
        data = out = b""
        while True:
            got = conn.recv(65536)
            if not got:
                break
            data += got
        conn.close()
        at = 0
        ended = False
        while at + 8 <= len(data):
            _, kind, _, size, padding, _ = struct.unpack(
                ">BBHHBB", data[at:at + 8])
            if kind == 6:
                out += data[at + 8:at + 8 + size]
            ended |= kind == 3
            at += 8 + size + padding
        if not ended:
            raise ConnectionError("no END_REQUEST: %r" % data[:100])
        head, _, body = out.partition(b"\r\n\r\n")
        return int(head.split()[1]), body.decode()

    def ask(self, uri, body=b""):
        return self.answer(self.send(uri, body))

    def workers(self):
        return set(children(self.pid))

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)


def children(pid):
    try:
        text = open("/proc/%d/task/%d/children" % (pid, pid)).read()
    except OSError:
        return []
    return [int(p) for p in text.split()]


def state(pid):
    """proc(5): "S" sleeps, "Z" is dead and not yet waited for."""
    try:
        return open("/proc/%d/stat" % pid).read().split(")")[1].split()[0]
    except OSError:
        return "X"


def alive(pid):
    return state(pid) not in "ZX"


@pytest.fixture(params=["own", "libfcgi"])
def master(request, tmp_path, monkeypatch):
    """Whichever hand speaks FastCGI."""
    monkeypatch.setenv("FCGI_TRANSPORT", request.param)
    started = []

    def start(*args, **kw):
        started.append(Master(tmp_path, *args, **kw))
        return started[-1]
    yield start
    for m in started:
        m.stop()


def test_a_request_is_served(master):
    m = master("2", "2")
    assert m.ask("/") == (200, '{"hello":"you"}\n')
    assert m.ask("/echo", b"abc") == (200, "abc")


def test_a_killed_worker_is_replaced(master):
    m = master("2", "2")
    before = m.workers()
    assert len(before) == 4
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(m.workers()) == 4 and not m.workers() & before)
    assert m.ask("/")[0] == 200


def test_a_worker_that_crashes_costs_only_its_own_request(master):
    m = master("2", "2")
    slow = m.send("/slow?" + m.path + ".go")
    with pytest.raises(ConnectionError):
        m.ask("/die")
    assert m.ask("/")[0] == 200
    open(m.path + ".go", "w").close()
    assert m.answer(slow)[0] == 200


def test_workers_are_recycled_without_a_lost_request(master):
    m = master("2", "2", "20")
    before = m.workers()
    for _ in range(300):
        assert m.ask("/")[0] == 200
    assert len(before & m.workers()) == 2  # the heavy ones had nothing to do


def test_sigterm_finishes_what_is_in_hand(master):
    m = master("2", "2")
    light = m.send("/slow?" + m.path + ".go")
    heavy = m.send("/hash?" + m.path + ".go")
    queued = [m.send("/hash?" + m.path + ".go") for _ in range(4)]
    time.sleep(0.2)
    m.process.terminate()
    until(lambda: m.said("stopping"))
    open(m.path + ".go", "w").close()
    for conn in [light, heavy] + queued:
        assert m.answer(conn)[0] == 200
    assert m.process.wait(15) == 0


def test_sigterm_has_an_end(master):
    m = master("1", "1")
    m.send("/slow?" + m.path + ".never")
    time.sleep(0.2)
    pids = m.workers()
    m.process.terminate()
    assert m.process.wait(20) == 0
    assert not any(alive(p) for p in pids)


def test_a_killed_master_takes_its_workers_along(master):
    m = master("2", "2")
    slow = m.send("/slow?" + m.path + ".go")
    time.sleep(0.2)
    pids = m.workers()
    m.process.kill()
    m.process.wait()
    open(m.path + ".go", "w").close()
    assert m.answer(slow)[0] == 200
    until(lambda: not any(alive(p) for p in pids))


class Load(threading.Thread):
    """Requests without a pause; counts what did not get its answer."""

    def __init__(self, m, uri):
        super().__init__()
        self.m, self.uri = m, uri
        self.ok, self.bad = 0, []
        self.stopped = False

    def run(self):
        while not self.stopped:
            try:
                assert self.m.ask(self.uri)[0] == 200
                self.ok += 1
            except (OSError, AssertionError) as e:
                self.bad.append(repr(e))


def test_reload_under_load_loses_nothing(master):
    m = master("2", "2")
    open(m.path + ".go", "w").close()
    loads = [Load(m, "/"), Load(m, "/"), Load(m, "/hash?" + m.path + ".go")]
    for load in loads:
        load.start()
    for turn in range(3):
        before = m.workers()
        served = [load.ok for load in loads]
        os.kill(m.pid, signal.SIGHUP)
        until(lambda: m.said("ready") == turn + 2)
        until(lambda: not m.workers() & before and len(m.workers()) == 4)
        until(lambda: all(l.ok > n for l, n in zip(loads, served)))
    for load in loads:
        load.stopped = True
    for load in loads:
        load.join()
        assert load.bad == []
    assert m.process.poll() is None


def test_reload_lets_a_running_request_finish(master):
    m = master("1", "1")
    slow = m.send("/slow?" + m.path + ".go")
    heavy = m.send("/hash?" + m.path + ".go")
    time.sleep(0.2)
    os.kill(m.pid, signal.SIGHUP)
    until(lambda: m.said("ready") == 2)
    assert m.ask("/")[0] == 200
    open(m.path + ".go", "w").close()
    assert m.answer(slow)[0] == 200
    assert m.answer(heavy)[0] == 200
    until(lambda: len(m.workers()) == 2)


def test_a_bad_configuration_does_not_stop_the_running_one(master, tmp_path):
    bad = str(tmp_path / "bad")
    m = master("2", "2", env={"HELLO_BAD": bad})
    before = m.workers()
    open(bad, "w").close()
    os.kill(m.pid, signal.SIGHUP)
    until(lambda: m.said("reload refused"))
    assert m.workers() == before
    assert m.ask("/")[0] == 200
    os.unlink(bad)
    os.kill(m.pid, signal.SIGHUP)
    until(lambda: m.said("ready") == 2)


def test_heavy_requests_leave_the_light_workers_free(master):
    m = master("1", "2")
    heavy = [m.send("/hash?" + m.path + ".go") for _ in range(10)]
    for _ in range(20):
        assert m.ask("/")[0] == 200
    light = m.ask("/pid")[1]
    open(m.path + ".go", "w").close()
    pids = {m.answer(conn)[1] for conn in heavy}
    assert light not in pids


# PW10: a short queue, then 503.
def test_a_full_lane_says_so(master):
    m = master("1", "1")
    heavy = [m.send("/hash?" + m.path + ".go") for _ in range(64 + 3)]
    full = select.select(heavy, [], [], 30)[0][0]
    heavy.remove(full)
    assert m.answer(full)[0] == 503
    assert m.ask("/")[0] == 200
    open(m.path + ".go", "w").close()
    answers = [m.answer(c)[0] for c in heavy]
    assert answers.count(200) >= 64 and set(answers) <= {200, 503}
    until(lambda: m.ask("/hash?" + m.path + ".go")[0] == 200)


def test_a_crash_in_the_heavy_lane_keeps_the_queue(master):
    m = master("1", "1")
    first = m.send("/hash?" + m.path + ".go")
    time.sleep(0.1)
    second = m.send("/hash?" + m.path + ".go")
    time.sleep(0.1)
    for pid in m.workers():
        if open(f"/proc/{pid}/comm").read() == "postern-heavy\n":
            os.kill(pid, signal.SIGKILL)
    with pytest.raises((ConnectionError, OSError)):
        m.answer(first)
    open(m.path + ".go", "w").close()
    assert m.answer(second)[0] == 200


def test_kept_connections_spread_over_the_workers(tmp_path, monkeypatch):
    """Who took one that stays lets the others take the next one."""
    monkeypatch.setenv("FCGI_TRANSPORT", "own")
    m = Master(tmp_path, "2", "1")
    keep = struct.pack(">HB5x", 1, 1)
    ask = request("/pid").replace(struct.pack(">HB5x", 1, 0), keep)
    conns = []

    def served_by():
        conns.append(m.connect())
        conns[-1].sendall(ask)
        data = b""
        while not data.endswith(record(3, bytes(8))):
            data += conns[-1].recv(65536)
        return data.split(b"\r\n\r\n")[1][8:].split(b"\n")[0]
    try:
        seen = set()  # until both have started
        until(lambda: seen.add(served_by()) or len(seen) == 2)
        pids = []
        for _ in range(20):
            until(lambda: all(state(int(pid)) == "S" for pid in seen))
            pids.append(served_by())
        assert min(pids.count(pid) for pid in seen) >= 5
    finally:
        for conn in conns:
            conn.close()
        m.stop()


def worker(m, kind):
    return next(pid for pid in m.workers()
                if open(f"/proc/{pid}/comm").read() == kind + "\n")


def test_many_requests_in_one_piece_hold_up_nobody(tmp_path, monkeypatch):
    """HB5: who is behind them has his answer before their last one."""
    monkeypatch.setenv("FCGI_TRANSPORT", "own")
    m = Master(tmp_path, "1", "1")
    keep = struct.pack(">HB5x", 1, 1)
    end = record(3, bytes(8))
    many = 20 * request("/") + request("/slow?" + m.path + ".go")
    try:
        light = worker(m, "postern-light")
        os.kill(light, signal.SIGSTOP)  # both are there when it looks
        greedy = m.connect()
        greedy.sendall(many.replace(struct.pack(">HB5x", 1, 0), keep))
        other = m.send("/")
        os.kill(light, signal.SIGCONT)
        assert m.answer(other)[0] == 200
        before = greedy.recv(1 << 20)
        assert before.count(end) <= 20
        open(m.path + ".go", "w").close()
        while before.count(end) < 21:
            before += greedy.recv(1 << 20)
        greedy.close()
    finally:
        m.stop()


def test_a_silent_peer_pins_nobody_for_long(master):
    m = master("1", "1")
    silent = m.connect()
    half = m.connect()
    half.sendall(request("/")[:20])
    assert m.ask("/")[0] == 200
    silent.close()
    half.close()


def test_a_single_process_serves_all_and_ends(tmp_path):
    path = str(tmp_path / "s")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(16)
    p = subprocess.Popen([program(), "single"], stdin=listener)
    m = Master.__new__(Master)
    m.path = path
    assert m.ask("/hash?" + program())[1] == "%d\n" % p.pid
    assert children(p.pid) == []
    p.terminate()
    assert p.wait(10) == 0


# ecosystem 1.8: a query without "=" arrives as an argument.
@pytest.mark.parametrize("args", [
    ["--listen", "/nonexistent/sock"], ["--listen", "127.0.0.1:0"]])
def test_what_keeps_it_from_starting_is_said_on_stderr_too(tmp_path, args):
    """Where log.file is set: there, and to who tried to start it."""
    log = tmp_path / "log"
    done = subprocess.run(
        [os.path.dirname(program()) + "/../../postern", *args],
        env={"JWT_SECRET": secrets.token_hex(32), "POSTERN_CONFIG": "",
             "LOG_FILE": str(log), "RUNTIME_DIR": str(tmp_path)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 78
    for text in (log.read_text(), done.stderr):
        line = json.loads(text.splitlines()[-1])  # behind warnings
        assert line["level"] == "error" and line["why"]


def test_cgi_does_not_look_at_arguments():
    env = {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "POST",
           "REQUEST_URI": "/echo?--check", "CONTENT_LENGTH": "3"}
    p = subprocess.run([program(), "--nonsense", "single"], input=b"abc",
                       env=env, capture_output=True, timeout=20)
    assert p.returncode == 0
    assert p.stdout.startswith(b"Status: 200 OK\r\n")
    assert p.stdout.endswith(b"\r\n\r\nabc")


def test_cgi_wants_a_true_length():
    env = {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "POST",
           "REQUEST_URI": "/echo", "CONTENT_LENGTH": "4"}
    p = subprocess.run([program()], input=b"abc", env=env,
                       capture_output=True, timeout=20)
    assert p.stdout.startswith(b"Status: 400 ")


# HB4: whoever may connect is trusted with every parameter.
def test_tcp_needs_the_peers_named(tmp_path):
    listener = socket.create_server(("127.0.0.1", 0))
    p = subprocess.run([program(), "single"], stdin=listener, timeout=20)
    assert p.returncode == 64
    for peers, served in (("127.0.0.1", True), ("10.1.1.1,10.1.1.2", False)):
        p = subprocess.Popen(
            [program(), "single"], stdin=listener,
            env={**os.environ, "FCGI_WEB_SERVER_ADDRS": peers})
        conn = socket.create_connection(listener.getsockname())
        conn.settimeout(20)
        try:
            conn.sendall(request("/"))
            got = conn.recv(1000)
        except ConnectionError:
            got = b""
        assert bool(got) == served
        p.terminate()
        assert p.wait(10) == 0


def test_systemd_passes_the_socket_by_number(tmp_path):
    path = str(tmp_path / "s")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(16)
    name = program()
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
            os.dup2(listener.fileno(), 3)
            os.set_inheritable(3, True)
            os.execve(name, [name, "single"],
                      {**os.environ, "LISTEN_PID": str(os.getpid()),
                       "LISTEN_FDS": "1"})
        finally:  # or a second run of all tests goes on from here
            os._exit(127)
    m = Master.__new__(Master)
    m.path = path
    assert m.ask("/")[0] == 200
    os.kill(pid, signal.SIGTERM)
    assert os.waitpid(pid, 0)[1] == 0


@pytest.mark.parametrize("abstract", [False, True])
def test_the_service_manager_is_told(master, tmp_path, abstract):
    """sd_notify(3): ready, still alive, reloading and ready again, stopping;
    the unit has Type=notify and WatchdogSec."""
    where = "@postern-test-%d" % os.getpid() if abstract else str(
        tmp_path / "notify")
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(where.replace("@", "\0"))
    manager.settimeout(15)

    def heard(what):
        while manager.recv(100).decode() != what:
            pass
    m = master("1", "1", env={"NOTIFY_SOCKET": where})
    heard("READY=1")
    heard("WATCHDOG=1")
    os.kill(m.pid, signal.SIGHUP)
    heard("RELOADING=1")
    heard("READY=1")
    m.process.terminate()
    heard("STOPPING=1")
    assert m.process.wait(15) == 0
