"""Peers that are slow, silent or deaf, and bodies that are refused: they cost
themselves, and nobody else (row HB5)."""
import fcntl
import http.client
import json
import re
import socket
import struct
import termios
import threading

import pytest

from api import Api
from until import until


def record(kind, content):
    return struct.pack(">BBHHBB", 1, kind, 1, len(content), 0, 0) + content


def request(uri, body=b"", length=None, method=b"POST"):
    params = b""
    for name, value in (
            (b"REQUEST_METHOD", method), (b"REQUEST_URI", uri),
            (b"SERVER_PROTOCOL", b"HTTP/1.1"), (b"REMOTE_ADDR", b"127.0.0.1"),
            (b"CONTENT_TYPE", b"application/json"),
            (b"CONTENT_LENGTH", str(length if length is not None
                                    else len(body)).encode())):
        params += struct.pack(">BB", len(name), len(value)) + name + value
    return (record(1, b"\0\1\0\0\0\0\0\0") + record(4, params) +
            record(4, b"") + (record(5, body) if body else b"") +
            record(5, b""))


RESET = request(b"/api/v1/auth/password-reset/request",
                b'{"email":"nobody@example.test"}')


@pytest.fixture
def peer(stack):
    """A maker of connections to the socket itself."""
    made = []

    def connect(data=b""):
        conn = socket.socket(socket.AF_UNIX)
        conn.connect(stack["FASTCGI_SOCKET"])
        conn.settimeout(30)
        conn.sendall(data)
        made.append(conn)
        return conn
    yield connect
    for conn in made:
        conn.close()


def read_all(conn):
    data = b""
    while True:
        got = conn.recv(65536)
        if not got:
            return data
        data += got


def lives(api):
    """Does it answer at once? Ten times, as there are several workers."""
    assert all(api.root("GET", "/health").status == 200 for _ in range(10))


@pytest.mark.usefixtures("hand")
@pytest.mark.parametrize("said", [
    b"", RESET[:1], RESET[:20], RESET[:-30], RESET[:-8]],
    ids=["nothing", "a byte", "half its head", "half a body", "no end"])
def test_a_hundred_that_say_half_keep_nobody(api, peer, said):
    conns = [peer(said) for _ in range(100)]
    lives(api)
    conns[-1].sendall(RESET[len(said):])
    assert b"Status: 200 OK" in read_all(conns[-1])


def waiting(conn):
    """Bytes that came and were not read."""
    return struct.unpack("i", fcntl.ioctl(conn, termios.FIONREAD, bytes(4)))[0]


@pytest.mark.usefixtures("hand")
@pytest.mark.parametrize("at_once", [200, 1])
def test_answers_that_nobody_reads_keep_nobody(api, peer, at_once):
    """Nor do those who ask on and on without reading one."""
    ask = at_once * request(b"/openapi.json", method=b"GET").replace(
        b"\0\1\0\0\0\0\0\0", b"\0\1\1\0\0\0\0\0")
    deaf = {peer(): -1 for _ in range(20)}
    while deaf:  # until no answer has room
        for conn in deaf:
            deaf[conn] = waiting(conn)
            conn.setblocking(False)
            try:
                conn.sendall(ask)
            except OSError:
                pass
        try:
            until(lambda: all(waiting(c) > n for c, n in deaf.items()),
                  "an answer to each", 2)
        except AssertionError:
            deaf = {c: n for c, n in deaf.items() if waiting(c) > n}
    lives(api)


def worker_of(stack, answer):
    """The name of the process that gave it."""
    ours = re.search(rb"X-Request-Id: (\S+)", answer).group(1).decode()

    def pid():
        with open(stack["LOG_DIR"] + "/master.log") as log:
            for line in log:
                if ours in line and '"msg":"request"' in line:
                    return json.loads(line)["pid"]
        return None
    with open(f"/proc/{until(pid, 'the line of the request')}/comm") as name:
        return name.read().strip()


@pytest.mark.usefixtures("hand")
@pytest.mark.parametrize("uri", [b"/api/v1/auth/login",
                                 b"/api/v1/auth/logi%6e"])
@pytest.mark.parametrize("pad", [0, 9000, 60000])
def test_what_was_gathered_is_hashed_by_a_heavy_worker(stack, peer, person,
                                                       uri, pad):
    """However long it is, in whatever pieces it comes."""
    body = json.dumps({"email": person.email, "pad": "x" * pad,
                       "password": "Aa1-whatever"}).encode()
    data = request(uri, body)
    conn = peer()
    for i in range(0, len(data), 7001):
        conn.sendall(data[i:i + 7001])
    answer = read_all(conn)
    assert b"INVALID_CREDENTIALS" in answer
    assert worker_of(stack, answer) == "postern-heavy"


@pytest.mark.usefixtures("hand")
def test_slow_bodies_behind_apache_keep_nobody(stack, edge):
    """mod_proxy_fcgi hands every piece of a body on as it comes."""
    web = edge("apache-proxy")
    head = (b"POST /api/v1/auth/refresh HTTP/1.1\r\nHost: x\r\n"
            b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
    slow = [socket.create_connection(("127.0.0.1", web.port))
            for _ in range(30)]
    try:
        for conn in slow:
            conn.sendall(head)
        lives(Api(web.base_url))
        lives(stack.api)
        slow[0].sendall(b" " * 98 + b"}")
        slow[0].settimeout(30)
        assert b" 422 " in slow[0].recv(65536).split(b"\r\n")[0]
    finally:
        for conn in slow:
            conn.close()


def too_large(base_url, size, chunked):
    """Status of a POST with a body of so many bytes."""
    conn = http.client.HTTPConnection(base_url.split("//")[1], timeout=60)
    body = b'{"a":"' + b"x" * size + b'"}'
    try:
        conn.request("POST", "/api/v1/auth/login",
                     iter([body[i:i + 65536] for i in
                           range(0, len(body), 65536)]) if chunked else body,
                     {"Content-Type": "application/json"},
                     encode_chunked=chunked)
    except (BrokenPipeError, ConnectionResetError):
        pass  # the answer may have come first
    try:
        return conn.getresponse().status
    finally:
        conn.close()


def always_413(base_url, times=10):
    for size in (70_000, 300_000, 2_000_000, 9_000_000):
        for chunked in (False, True):
            got = [too_large(base_url, size, chunked) for _ in range(times)]
            assert got == [413] * times, (size, chunked)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["apache-proxy", "apache-cgi", "caddy"])
def test_a_body_too_large_is_413_every_time_behind(kind, edge):
    always_413(edge(kind).base_url, 10 if kind != "apache-cgi" else 3)


@pytest.mark.usefixtures("hand")
def test_many_refused_bodies_at_once_keep_nobody(api, peer):
    """Their senders go on, or stop and wait; either is left to itself."""
    head = request(b"/api/v1/auth/login", length=9_000_000)[:-8]
    conns = [peer(head) for _ in range(50)]
    lives(api)
    for conn in conns:
        assert b"PAYLOAD_TOO_LARGE" in read_all(conn)
    flood = [threading.Thread(target=pour, args=(conn,)) for conn in conns]
    for one in flood:
        one.start()
    lives(api)
    for one in flood:
        one.join()


def pour(conn):
    try:
        for _ in range(100):
            conn.sendall(record(5, b"x" * 60000))
    except OSError:
        pass
