"""FastCGI by our own hand (docs/internals/transport.md), on the socket itself:
what the protocol says, kept connections, and both lanes on one of them."""
import json
import socket
import struct

import pytest

from api import Api

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT = range(1, 7)
GET_VALUES, VALUES, UNKNOWN = 9, 10, 11
KEEP = 1


def record(kind, content=b"", ident=1, padding=0):
    return struct.pack(">BBHHBB", 1, kind, ident, len(content), padding,
                       0) + content + bytes(padding)


def pairs(values):
    data = b""
    for name, value in values.items():
        data += struct.pack(">BI", len(name), 0x80000000 | len(value))
        data += name.encode() + value.encode()
    return data


def request(uri, body=None, ident=1, flags=KEEP, padding=0, token=None):
    body = json.dumps(body).encode() if body is not None else b""
    values = {"REQUEST_METHOD": "POST" if body else "GET",
              "REQUEST_URI": "/api/v1" + uri, "REMOTE_ADDR": "127.0.0.1",
              "SERVER_PROTOCOL": "HTTP/1.1"}
    if body:
        values["CONTENT_TYPE"] = "application/json"
        values["CONTENT_LENGTH"] = str(len(body))
    if token:
        values["HTTP_AUTHORIZATION"] = "Bearer " + token
    parts = [(BEGIN, struct.pack(">HB5x", 1, flags)), (PARAMS, pairs(values)),
             (PARAMS, b"")] + ([(STDIN, body)] if body else [])
    return b"".join(record(kind, content, ident, padding)
                    for kind, content in parts + [(STDIN, b"")])


class Peer:
    """A web server's side of one connection."""

    def __init__(self, path):
        self.conn = socket.socket(socket.AF_UNIX)
        self.conn.connect(path)  # without a time, or it does not wait
        self.conn.settimeout(30)

    def send(self, data):
        self.conn.sendall(data)

    def take(self, n):
        data = b""
        while len(data) < n:
            got = self.conn.recv(n - len(data))
            if not got:
                raise ConnectionError("closed")
            data += got
        return data

    def record(self):
        _, kind, ident, size, padding, _ = struct.unpack(
            ">BBHHBB", self.take(8))
        content = self.take(size)
        self.take(padding)
        return kind, ident, content

    def answer(self):
        """Status, JSON; other requests' ends are left out."""
        out = b""
        while True:
            kind, ident, content = self.record()
            if kind == STDOUT:
                out += content
            elif kind == END and content[4] == 0:
                head, _, body = out.partition(b"\r\n\r\n")
                return int(head.split()[1]) if head else None, \
                    json.loads(body) if body else None

    def ask(self, *args, **more):
        self.send(request(*args, **more))
        return self.answer()

    def closed(self):
        try:
            return self.conn.recv(1) == b""
        except ConnectionError:
            return True


@pytest.fixture
def peer(stack):
    made = []

    def connect():
        made.append(Peer(stack["FASTCGI_SOCKET"]))
        return made[-1]
    yield connect
    for one in made:
        one.conn.close()


def credentials(person):
    return {"identifier": person.email, "password": person.password}


def test_a_kept_connection_serves_both_lanes(peer, person):
    """A login is passed on, and what follows it on the connection is not."""
    one = peer()
    for _ in range(3):
        status, answer = one.ask("/auth/login", credentials(person))
        assert status == 200
        token = answer["data"]["access_token"]
        for _ in range(5):
            status, answer = one.ask("/auth/me", token=token)
            assert status == 200
            assert answer["data"]["email"] == person.email
        assert one.ask("/auth/me")[0] == 401


def test_a_light_request_beside_a_heavy_one_is_not_held_up(peer, person):
    """On the same connection it is told to use another, at once."""
    one = peer()
    one.send(request("/auth/login", credentials(person), ident=1))
    one.send(request("/health", ident=2))
    kind, ident, content = one.record()
    assert (kind, ident, content[4]) == (END, 2, 1)  # FCGI_CANT_MPX_CONN
    status, answer = one.answer()
    assert status == 200 and answer["data"]["access_token"]


def test_a_heavy_request_is_given_up(peer, person):
    one = peer()
    one.send(request("/auth/login", credentials(person), ident=7) +
             record(ABORT, ident=7))
    assert one.answer() == (None, None)
    assert one.ask("/health")[0] == 200


def test_a_reply_and_requests_come_in_one_piece(peer):
    """The sanitizers see whether memory of the one before stays behind."""
    one = peer()
    one.send(record(GET_VALUES, b"\x0f\0FCGI_MPXS_CONNS", 0) +
             2 * request("/health"))
    assert one.record() == (VALUES, 0, b"\x0f\1FCGI_MPXS_CONNS0")
    assert [one.answer()[0] for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("padding", [0, 1, 7, 255])
def test_padding_is_taken_on_every_record(peer, padding):
    one = peer()
    one.send(record(GET_VALUES, b"\x0f\0FCGI_MPXS_CONNS", 0, padding))
    assert one.record() == (VALUES, 0, b"\x0f\1FCGI_MPXS_CONNS0")
    one.send(record(99, b"?", 0, padding))
    assert one.record() == (UNKNOWN, 0, b"\x63" + bytes(7))
    for _ in range(2):
        assert one.ask("/auth/login", {"identifier": ""},
                       padding=padding)[0] == 422


def test_two_thousand_kept_connections(peer, api):
    """None is refused, none forgotten, and who is new waits for none."""
    kept = [peer() for _ in range(2000)]
    for turn in range(2):
        for one in kept:
            one.send(request("/health/live"))
        for one in kept:
            assert one.answer()[0] == 200
        assert api.root("GET", "/health/live").status == 200


def test_slow_senders_cost_a_descriptor(peer, api):
    """Five hundred half bodies, more than libfcgi's loop would hold."""
    whole = request("/auth/login", {"identifier": ""})
    slow = [peer() for _ in range(500)]
    for one in slow:
        one.send(whole[:-12])
    assert all(api.root("GET", "/health/live").status == 200
               for _ in range(10))
    for one in slow[::50]:
        one.send(whole[-12:])
        assert one.answer()[0] == 422


@pytest.mark.parametrize("said", [
    b"\2" + bytes(7), record(BEGIN, b"short"), record(STDIN, b"x", 0)[:4] +
    b"\0\1\0\0x" + record(BEGIN, bytes(8), 0),
    record(BEGIN, struct.pack(">HB5x", 1, 1)) + record(STDIN, b"early"),
    record(GET_VALUES, bytes(200), 0)],
    ids=["version", "begin", "id 0", "order", "values"])
def test_what_is_no_fastcgi_is_closed(peer, said):
    one = peer()
    one.send(said)
    assert one.closed()


def test_an_authorizer_is_refused_and_no_body_awaited(peer):
    """Fail closed: nobody here could say whether others' pages may be seen."""
    one = peer()
    one.send(record(BEGIN, struct.pack(">HB5x", 2, KEEP)) +
             record(PARAMS, pairs({"REQUEST_METHOD": "GET",
                                   "REQUEST_URI": "/health"})) +
             record(PARAMS))
    kind, ident, content = one.record()
    assert kind == STDOUT and content.startswith(b"Status: 403 ")


@pytest.mark.parametrize("kind", ["nginx-kept", "haproxy-kept",
                                  "apache-kept"])
def test_web_servers_keep_connections(kind, edge, person):
    """Logins and what follows them over the same few connections."""
    api = Api(edge(kind).base_url)
    for _ in range(3):
        token = api.post("/auth/login",
                         credentials(person)).data["access_token"]
        for _ in range(20):
            answer = api.of(token).get("/auth/me")
            assert answer.status == 200 and \
                answer.data["email"] == person.email
        assert api.get("/auth/me").status == 401


def test_who_speaks_fastcgi_is_asked_for(hand, peer, api):
    """FCGI_TRANSPORT tells: libfcgi closes where it would be asked for any."""
    one = peer()
    one.send(record(GET_VALUES, b"", 0))
    assert one.closed() if hand == "libfcgi" else one.record()[0] == VALUES
    assert peer().ask("/health", flags=0)[0] == 200
    assert api.root("GET", "/health").status == 200
