"""gRPC: the same rights, limits and answers as HTTP, by stock clients of two
languages, and a connection that nobody can make dear (rows GR1 to GR5)."""
import json
import os
import random
import secrets
import signal
import socket
import struct
import subprocess
import threading
import time

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from conftest import ROOT, USUAL
from factor import Enrolled, code
from staff import staff
from until import until


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


PORT = str(int(os.environ.get("PORT", "8001")) + 1000)
ADDRESS = "127.0.0.1:" + PORT
pytestmark = pytest.mark.stack(GRPC_ENABLED="true", GRPC_PORT=PORT)
PROTO = ROOT + "/src/grpc/proto/"
SERVICE = "/entativa.user.UserService/"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4]) + bytes(5)
Code = grpc.StatusCode


def messages(name, package, where):
    """The classes of a .proto, by the compiler that the build uses."""
    made = f"{where}/{name}.set"
    subprocess.run(["protoc-c", "-I" + PROTO, "--descriptor_set_out=" + made,
                    PROTO + name], check=True)
    with open(made, "rb") as file:
        files = descriptor_pb2.FileDescriptorSet.FromString(file.read()).file
    pool = descriptor_pool.DescriptorPool()
    for one in files:
        pool.Add(one)
    factory = message_factory.MessageFactory(pool)
    return lambda word: factory.GetPrototype(
        pool.FindMessageTypeByName(f"{package}.{word}"))


@pytest.fixture(scope="module")
def user(tmp_path_factory):
    return messages("user.proto", "entativa.user",
                    tmp_path_factory.mktemp("proto"))


@pytest.fixture(scope="module")
def health(tmp_path_factory):
    return messages("health.proto", "grpc.health.v1",
                    tmp_path_factory.mktemp("health"))


ANSWERS = {"GetUser": "UserResponse"}


class Client:
    """A channel, and calls by name."""

    def __init__(self, types, channel):
        self.types, self.channel = types, channel

    def call(self, method, by=None, timeout=20, **fields):
        """The answer; a failure is a grpc.RpcError."""
        made = self.types(method + "Request")
        unary = self.channel.unary_unary(
            SERVICE + method, request_serializer=made.SerializeToString,
            response_deserializer=self.types(
                ANSWERS.get(method, method + "Response")).FromString)
        return unary(made(**fields), metadata=by, timeout=timeout)

    def code(self, *args, **kwargs):
        """The status of a call that fails."""
        with pytest.raises(grpc.RpcError) as failed:
            self.call(*args, **kwargs)
        self.failed = failed.value
        return failed.value.code()


@pytest.fixture
def client(stack, user):
    with grpc.insecure_channel(ADDRESS) as channel:
        grpc.channel_ready_future(channel).result(30)
        yield Client(user, channel)


def bearer(person):
    return [("authorization", "Bearer " + person.access)]


def key(person, *scopes, **more):
    made = person.api.post("/api-keys", dict(
        {"name": "rpc", "scopes": list(scopes)}, **more))
    assert made.status == 201, made
    return [("x-api-key", made.data["api_key"])]


def test_each_method_answers_token_and_key(client, person):
    """The fields are those of HTTP's profile."""
    me = person.api.get("/auth/me").data
    by_key = key(person, "user:read", "tokens:read")
    for by in (bearer(person), by_key):
        for ref in (person.id, str(me["numeric_id"]), ""):
            got = client.call("GetUser", by, user_id=ref)
            for name in ("id", "numeric_id", "email", "username",
                         "is_active", "is_verified", "created_at"):
                assert getattr(got, name) == me[name], name
            assert list(got.roles) == ["user"]
        seen = client.call("GetUsersByIDs", by,
                           user_ids=[person.id, "nobody", str(2**62)])
        assert [u.id for u in seen.users] == [person.id]
        valid = client.call("ValidateToken", by, token=person.access)
        assert valid.valid and valid.user_id == person.id
        assert valid.session_id == person.session
        assert list(valid.roles) == ["user"] and valid.expires_at
    for dead in (person.refresh, "x" + person.access, "nothing"):
        assert not client.call("ValidateToken", by_key, token=dead).valid


def test_bad_credentials_open_nothing(client, person):
    """Row GR2: each method needs a caller, and a key its scope."""
    for method in ("GetUser", "GetUsersByIDs", "ValidateToken",
                   "VerifyTwoFactor"):
        for by in (None, [("authorization", "Bearer x")],
                   [("authorization", "Bearer " + person.access + "x")],
                   [("x-api-key", "hr_nothing")],
                   [("x_api_key", "hr_nothing")]):
            assert client.code(method, by) == Code.UNAUTHENTICATED, method
    poor = key(person, "reviews.read")
    for method in ("GetUser", "GetUsersByIDs", "ValidateToken"):
        assert client.code(method, poor) == Code.PERMISSION_DENIED
    details = dict(client.failed.trailing_metadata())
    assert b"INSUFFICIENT_SCOPE" in details["grpc-status-details-bin"]
    two = bearer(person) + key(person, "user:read")
    assert client.code("GetUser", two) == Code.INVALID_ARGUMENT
    assert client.code("GetUsersByIDs", bearer(person),
                       user_ids=["x"] * 101) == Code.INVALID_ARGUMENT
    assert client.code("ValidateToken",
                       bearer(person)) == Code.INVALID_ARGUMENT


def test_another_owners_user_is_not_shown(stack, client, api, person):
    """Rows GR2, GR5: who is not the caller's is answered as nobody is."""
    other = api.new_person()
    for by in (bearer(person), key(person, "user:read", "users:read")):
        said = []
        for ref in (other.id, "01900000-0000-7000-8000-000000000000"):
            assert client.code("GetUser", by, user_id=ref) == Code.NOT_FOUND
            said.append(client.failed.details())
        assert said[0] == said[1]
        seen = client.call("GetUsersByIDs", by,
                           user_ids=[other.id, person.id])
        assert [u.id for u in seen.users] == [person.id]
    assert not client.call("ValidateToken", bearer(person),
                           token=other.access).valid
    boss = staff(stack, "super_admin")
    assert client.call("GetUser", bearer(boss),
                       user_id=other.id).email == other.email
    assert client.call("GetUser", key(boss, "user:read", "users:read"),
                       user_id=other.id).email == other.email
    assert client.code("GetUser", key(boss, "user:read"),
                       user_id=other.id) == Code.NOT_FOUND


def test_codes_are_judged_on_the_road_of_http(stack, client, person):
    """Rows RL6, TO4, TO13: once, of a subject of the key's owner, and
    counted."""
    name = "app-" + secrets.token_hex(4)
    by = key(person, "2fa:write")
    header = {"X-API-Key": by[0][1]}
    made = person.anonymous.send("POST", "/2fa/setup", {"user_id": name},
                                 header).data
    on = person.anonymous.send("POST", "/2fa/totp/verify-setup", {
        "user_id": name, "code": code(made["secret"], -1)}, header)
    assert on.status == 200, on
    right = code(made["secret"])
    wrong = f"{(int(right) + 1) % 1000000:06}"
    assert not client.call("VerifyTwoFactor", by, user_id=name,
                           code=wrong).valid
    got = client.call("VerifyTwoFactor", by, user_id=name, code=right)
    assert got.valid and got.method == "totp"
    assert not client.call("VerifyTwoFactor", by, user_id=name,
                           code=right).valid
    assert client.code("VerifyTwoFactor", by, user_id="another",
                       code=right) == Code.NOT_FOUND
    assert client.code("VerifyTwoFactor", by, user_id=name,
                       code="abc") == Code.INVALID_ARGUMENT
    own = Enrolled(stack, person)
    got = client.call("VerifyTwoFactor", bearer(person),
                      code=code(own.secret, 0))
    assert got.valid
    assert client.code("VerifyTwoFactor", bearer(person),
                       user_id="01900000-0000-7000-8000-000000000000",
                       code="123456") == Code.PERMISSION_DENIED


def test_a_revoked_token_is_refused_at_once(client, person):
    """Row SE3."""
    by, judge = bearer(person), key(person, "tokens:read")
    client.call("GetUser", by)
    assert person.api.post("/auth/logout").status == 200
    assert client.code("GetUser", by) == Code.UNAUTHENTICATED
    assert not client.call("ValidateToken", judge,
                           token=by[0][1][7:]).valid


def test_limits_are_those_of_http(client, person):
    """Row RL13: one budget of a key, whichever way it is used."""
    by = key(person, "user:read", rate_limit=3)
    header = {"X-API-Key": by[0][1]}
    assert person.anonymous.send("GET", "/auth/me", None,
                                 header).status in (200, 429)
    codes = []
    for _ in range(4):
        try:
            client.call("GetUser", by)
        except grpc.RpcError as failed:
            codes.append(failed.code())
            trailers = dict(failed.trailing_metadata())
    if codes:
        assert set(codes) == {Code.RESOURCE_EXHAUSTED}
        assert int(trailers["retry-after"]) > 0
        assert b"RetryInfo" in trailers["grpc-status-details-bin"]
    large = "x" * (64 << 10)
    assert client.code("ValidateToken", bearer(person),
                       token=large) == Code.RESOURCE_EXHAUSTED
    assert client.code("GetUser", bearer(person) + [("x-more", "x" * 9000)]) \
        == Code.RESOURCE_EXHAUSTED


def curl(method, *headers, data=b"", seconds=10):
    """What a call is answered with, headers and trailers."""
    run = subprocess.run(
        ["curl", "-s", "--http2-prior-knowledge", "-m", str(seconds), "-D",
         "-", "-o", "/dev/null", "-H", "te: trailers", "--data-binary", "@-",
         *sum((["-H", h] for h in headers), []),
         *([] if any(h.startswith("content-type") for h in headers) else
           ["-H", "content-type: application/grpc"]),
         f"http://{ADDRESS}{method}"], input=data, capture_output=True)
    return run.stdout.decode().lower()


def test_deadlines_are_kept(stack, client, person):
    """Row GR3: an answer that comes too late is none, and a call that does
    not come whole is ended."""
    by = key(person, "user:read")
    client.call("GetUser", by)
    lock = stack.db.cursor()
    lock.execute("begin; lock table users in access exclusive mode")
    timer = threading.Timer(0.6, lambda: lock.execute("commit"))
    timer.start()
    said = curl(SERVICE + "GetUser", "x-api-key: " + by[0][1],
                "grpc-timeout: 200m", data=bytes(5))
    timer.join()
    assert "grpc-status: 4" in said
    with socket.create_connection(("127.0.0.1", int(PORT)), 20) as s:
        # POST /, HEADERS without END_STREAM, grpc-timeout: 50m
        block = b"\x83\x86\x84\x01\x01a" + \
            b"\x00\x0cgrpc-timeout\x0350m"
        s.sendall(PREFACE + struct.pack(">I", len(block))[1:] +
                  bytes([1, 4, 0, 0, 0, 1]) + block)
        got = b""
        while b"\x00\x00\x00\x00\x01" not in got:
            got += s.recv(4096)


def test_compression_and_strange_content_are_refused(stack):
    """Identity alone is spoken, and said. Headers can be refused before the
    body is sent, and then this curl may drop the answer: ask again."""
    def answers(status, method, *headers, data=bytes(5)):
        return until(lambda: [said for said in [curl(method, *headers,
                                                     data=data)]
                              if f"grpc-status: {status}" in said])[0]

    said = answers(12, SERVICE + "GetUser", "grpc-encoding: gzip")
    assert "grpc-accept-encoding: identity" in said
    answers(12, SERVICE + "GetUser", data=b"\1" + bytes(4))
    answers(12, SERVICE + "Nothing")
    assert "http/2 415" in answers(3, SERVICE + "GetUser",
                                   "content-type: text/plain")


def node(*words):
    run = subprocess.run(["node", ROOT + "/tests/e2e/grpc_client.js", *words],
                         capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_the_library_for_node_calls_all_methods(stack, person):
    """The same answers to the other stock client."""
    by = key(person, "user:read", "tokens:read", "2fa:read")
    own, same, bad, valid, none, nobody = node(
        "calls", ADDRESS, PROTO + "user.proto", by[0][1], person.access)
    assert own["id"] == same["id"] == person.id
    assert own["email"] == person.email and own["roles"] == ["user"]
    assert bad["code"] == 16
    assert valid["valid"] and valid["user_id"] == person.id
    assert none["users"] == []
    assert nobody["code"] == 5


def test_reflection_and_health_answer_stock_tools(stack, client, health):
    """In development; elsewhere reflection is off (row GR1)."""
    told = node("reflect", ADDRESS)
    assert "entativa.user.UserService" in told["services"]
    assert "grpc.health.v1.Health" in told["services"]
    assert set(told["methods"]) == {"GetUser", "ValidateToken",
                                    "GetUsersByIDs", "VerifyTwoFactor"}
    check = client.channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=health("HealthCheckRequest").SerializeToString,
        response_deserializer=health("HealthCheckResponse").FromString)
    for name in ("", "entativa.user.UserService"):
        assert check(health("HealthCheckRequest")(service=name)).status == 1
    with pytest.raises(grpc.RpcError) as failed:
        check(health("HealthCheckRequest")(service="nothing"))
    assert failed.value.code() == Code.NOT_FOUND
    assert stack.api.get("/info").data["capabilities"]["grpc"] is True


class Other:
    """A second postern-grpc with other settings, on a port of its own."""

    def __init__(self, stack, **settings):
        self.port = str(free_port())
        words = [f"{k}={v}" for k, v in
                 {"GRPC_PORT": self.port, **settings}.items()]
        self.process = subprocess.Popen(
            ["sh", "-c", '. "$0"; exec env "$@"',
             stack["STATE_DIR"] + "/env.sh", *words,
             stack["STATE_DIR"] + "/bin/postern-grpc"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def wait(self):
        """Until it listens."""
        def there():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", int(self.port))) == 0
        until(there, "the second postern-grpc")
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)
        self.process.stderr.close()


def make_certificates(where):
    """A CA, a server's certificate and a client's, as PEM."""
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, cwd=where,
                       capture_output=True)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out",
            "ca.pem", "-subj", "/CN=ca", "-days", "2")
    for name in ("server", "client"):
        openssl("req", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout", name + ".key",
                "-out", name + ".csr", "-subj", "/CN=localhost")
        with open(f"{where}/{name}.ext", "w") as file:
            file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem",
                "-CAkey", "ca.key", "-CAcreateserial", "-out", name + ".pem",
                "-days", "2", "-extfile", name + ".ext")
    subprocess.run(["chmod", "-R", "a+rX", where], check=True)


def pem(where, name):
    with open(f"{where}/{name}", "rb") as file:
        return file.read()


def test_tls_and_the_certificates_of_clients(stack, user, person, tmp_path):
    """Row GR1: with a CA of clients nobody else is let in."""
    os.chmod(tmp_path.parent, 0o755)
    make_certificates(tmp_path)
    ca = pem(tmp_path, "ca.pem")
    mutual = grpc.ssl_channel_credentials(
        ca, pem(tmp_path, "client.key"), pem(tmp_path, "client.pem"))
    with Other(stack, GRPC_TLS_CERT=f"{tmp_path}/server.pem",
               GRPC_TLS_KEY=f"{tmp_path}/server.key",
               GRPC_TLS_CLIENT_CA=f"{tmp_path}/ca.pem").wait() as other:
        def reach(credentials):
            at = "localhost:" + other.port
            with (grpc.secure_channel(at, credentials) if credentials else
                  grpc.insecure_channel(at)) as channel:
                return Client(user, channel).call(
                    "GetUser", bearer(person), timeout=10).id

        assert reach(mutual) == person.id
        for bad in (grpc.ssl_channel_credentials(ca), None):
            with pytest.raises(grpc.RpcError) as failed:
                reach(bad)
            assert failed.value.code() in (Code.UNAVAILABLE,
                                           Code.DEADLINE_EXCEEDED)
    with Other(stack, GRPC_TLS_CERT=f"{tmp_path}/server.pem",
               GRPC_TLS_KEY=f"{tmp_path}/server.key").wait() as other:
        assert reach(grpc.ssl_channel_credentials(ca)) == person.id


def test_it_starts_only_where_that_is_safe_and_wanted(stack):
    """Row GR1; and GRPC_ENABLED=false is no fault."""
    with Other(stack, GRPC_LISTEN="0.0.0.0",
               ENVIRONMENT="production") as other:
        assert other.process.wait(20) == 78
        assert b"grpc.listen" in other.process.stderr.read()
    with Other(stack, GRPC_ENABLED="false") as other:
        assert other.process.wait(20) == 0
    with Other(stack, GRPC_TLS_CERT="/nonexistent/a",
               GRPC_TLS_KEY="/nonexistent/b") as other:
        assert other.process.wait(20) == 78


def test_its_numbers_are_the_settings(stack, user, person):
    """Rows GR1, GR3: processes, deadline, connections, reflection."""
    with Other(stack, GRPC_WORKERS="3", GRPC_DEADLINE="100ms",
               GRPC_MAX_CONNECTIONS="2", GRPC_REFLECTION="off").wait() \
            as other:
        until(lambda: len(family(other.process.pid)) == 4)
        with pytest.raises(AssertionError):
            node("reflect", "127.0.0.1:" + other.port)
        # A call that stays half is ended by the deadline of the settings.
        with socket.create_connection(("127.0.0.1", int(other.port)), 20) as s:
            block = b"\x83\x86\x84\x01\x01a"
            s.sendall(PREFACE + bytes([0, 0, len(block), 1, 4, 0, 0, 0, 1]) +
                      block)
            got = b""
            while b"\x00\x00\x00\x00\x01" not in got:
                got += s.recv(4096)
        # Idle ones make room: ten of them, three processes of two.
        idle = [socket.create_connection(("127.0.0.1", int(other.port)), 20)
                for _ in range(10)]
        for one in idle:
            one.sendall(PREFACE)
        ended = 0
        for one in idle:
            one.settimeout(1)
            try:
                while one.recv(4096):
                    pass
                ended += 1
            except TimeoutError:
                pass
            except OSError:
                ended += 1
            one.close()
        assert ended >= 4


def test_a_reload_under_load_loses_no_call(stack, user, person):
    """GOAWAY first: what was begun is answered, what comes later goes to the
    new processes (row RE11)."""
    by, failures, calls = bearer(person), [], [0]
    ending = threading.Event()

    def work():
        with grpc.insecure_channel(ADDRESS, options=[
                ("grpc.use_local_subchannel_pool", 1)]) as channel:
            one = Client(user, channel)
            while not ending.is_set():
                try:
                    one.call("GetUser", by)
                    calls[0] += 1
                except grpc.RpcError as failed:
                    failures.append(failed.details())

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        before = calls[0]
        os.kill(stack.pid("grpc"), signal.SIGHUP)
        until(lambda: calls[0] > before + 50)
        time.sleep(0.7)
    ending.set()
    for thread in threads:
        thread.join()
    assert not failures, failures[:3]
    # What a manager of secrets would have said lies nowhere any more.
    fds = f"/proc/{stack.pid('grpc')}/fd"
    assert not [fd for fd in os.listdir(fds)
                if "memfd:answer" in os.readlink(f"{fds}/{fd}")]


def family(pid):
    """A process and its children."""
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [pid, *map(int, file.read().split())]


def resident(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * 4096


def throw(data):
    """Send, and read what comes until the peer has enough of it."""
    try:
        with socket.create_connection(("127.0.0.1", int(PORT)), 5) as s:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass
    except OSError:
        pass


def frame(rng):
    body = rng.randbytes(rng.choice((0, 1, 4, 5, 6, 8, 40, 300)))
    return struct.pack(">I", len(body))[1:] + bytes(
        [rng.randrange(12), rng.randrange(256)]) + struct.pack(
            ">I", rng.choice((0, 1, 1, 3, 5, rng.randrange(2**32)))) + body


def test_broken_frames_harm_nobody(stack, client, person):
    """Rows GR3, GR4: every process lives on, in little memory."""
    rng = random.Random(4)
    by = bearer(person)
    before = until(lambda: len(family(stack.pid("grpc"))) > 1 and
                   family(stack.pid("grpc")))
    call = struct.pack(">I", 6)[1:] + bytes([1, 5, 0, 0, 0])
    for _ in range(60):
        throw(PREFACE + b"".join(frame(rng) for _ in range(40)))
        throw(rng.randbytes(rng.randrange(400)))
    resets = b"".join(
        call + bytes([n * 2 + 1 & 255]) + b"\x83\x86\x84\x01\x01a" +
        bytes([0, 0, 4, 3, 0, 0, 0, 0, n * 2 + 1 & 255, 0, 0, 0, 8])
        for n in range(127))
    for flood in (resets, bytes([0, 0, 8, 6]) + bytes(13),
                  bytes([0, 0, 0, 4]) + bytes(5)):
        throw(PREFACE + flood * 2000)
    assert client.call("GetUser", by).id == person.id
    assert family(stack.pid("grpc")) == before
    assert max(map(resident, before)) < 64 << 20
    assert 'grpc_connections_ended_total{reason="flood"}' in \
        stack.api.send("GET", "/metrics", root=True).body.decode()
