"""Kafka: what happened is published exactly as documented (row AP6), once or
again with the same id, in order, whatever brokers and workers do (rows RE2 to
RE5, PR2, PV2)."""
import atexit
import collections
import json
import os
import random
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from test_worker import program
from until import until

TOO_LARGE = 10  # errors of Kafka's protocol
NOT_AUTHORIZED = 29


class Broker:
    """librdkafka's mock cluster, in a process of its own."""

    def __init__(self):
        self.process = subprocess.Popen(
            [program("tests/e2e/mock_kafka")], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        atexit.register(self.process.stdin.close)
        self.address = self.process.stdout.readline().strip()

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "ok\n", line

    def read(self, topic, key=None):
        """All messages, or those of a key, as they stand in the topic."""
        run = subprocess.run(
            ["kcat", "-b", self.address, "-C", "-t", topic, "-o",
             "beginning", "-e", "-q", "-J"], capture_output=True, text=True,
            timeout=60)
        assert run.returncode == 0, run.stderr
        all_ = [Message(json.loads(line)) for line in run.stdout.splitlines()]
        all_.sort(key=lambda m: (m.partition, m.offset))
        return [m for m in all_ if key is None or m.key == key]


class Message:
    def __init__(self, envelope):
        self.partition = envelope["partition"]
        self.offset = envelope["offset"]
        self.key = envelope["key"]
        self.text = envelope["payload"]
        headers = envelope["headers"]
        assert len(headers) == 2 and headers[0] == "event_id", headers
        self.id = headers[1]

    @property
    def value(self):
        return json.loads(self.text)

    def __repr__(self):
        return f"{self.partition}/{self.offset} {self.id} {self.text}"


def broker_for_the_stack():
    """The settings of the stack are known when tests are collected."""
    try:
        return Broker() if "POSTERN_DEV_DIR" in os.environ else None
    except pytest.skip.Exception:
        return None


BROKER = broker_for_the_stack()
ON = {"KAFKA_ENABLED": "true",
      "KAFKA_BROKERS": BROKER.address if BROKER else ""}
pytestmark = [
    pytest.mark.stack(**ON),
    pytest.mark.skipif(BROKER is None, reason="mock_kafka is not built"),
]


@pytest.fixture
def broker(stack):
    """The broker, with a worker that has said that events are written."""
    until(lambda: stack.sql("select enabled from kafka_state") == [(True,)],
          "the switch")
    yield BROKER
    BROKER.tell("up")
    BROKER.tell("slow 0")
    empty(stack)


def empty(stack, seconds=60):
    """Everything is published."""
    until(lambda: stack.sql(
        "select count(*) from kafka_outbox where state = 'ready'") == [(0,)],
        "an empty outbox", seconds)


WHEN = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


def test_signup_reset_and_change_are_published_word_for_word(
        stack, broker, person):
    """Row AP6: these members in this order, keyed by user; no
    token unless asked for."""
    assert person.api.post("/auth/password-reset/request", {
        "email": person.email}).status == 200
    assert person.api.post("/auth/change-password", {
        "current_password": person.password,
        "new_password": "Another-Horse-8"}).status == 200
    empty(stack)
    got = broker.read("user-events", person.id)
    about = f'"user_id":"{person.id}","email":"{person.email}"'
    patterns = [
        r'{"event_type":"user_signup",ABOUT,"timestamp":"WHEN"}',
        r'{"event_type":"password_reset_requested",ABOUT,'
        r'"expires_at":"(WHEN)","timestamp":"(WHEN)"}',
        r'{"event_type":"password_changed",ABOUT,"timestamp":"WHEN"}',
    ]
    assert len(got) == 3, got
    for message, pattern in zip(got, patterns):
        pattern = pattern.replace("ABOUT", re.escape(about)).replace(
            "WHEN", WHEN)
        assert re.fullmatch(pattern, message.text), message
    ends, made = (time.mktime(time.strptime(
        got[1].value[k], "%Y-%m-%dT%H:%M:%SZ"))
        for k in ("expires_at", "timestamp"))
    assert ends - made == 3600
    assert len({m.id for m in got}) == 3
    assert len({m.partition for m in got}) == 1


@pytest.mark.stack(KAFKA_INCLUDE_SECRETS="true")
def test_with_secrets_the_event_holds_the_token_of_the_mail(
        stack, broker, person, inbox):
    """Row PR2: derived when it is sent, stored nowhere."""
    broker.tell("down")
    assert person.api.post("/auth/password-reset/request", {
        "email": person.email}).status == 200
    [(row,)] = stack.sql(
        "select o::text from kafka_outbox o where user_id = %s and event = "
        "'password_reset_requested'", person.id)
    assert "pwr_" not in row
    broker.tell("up")
    empty(stack)
    event = broker.read("user-events", person.id)[-1].value
    assert list(event) == ["event_type", "user_id", "email", "token",
                           "expires_at", "timestamp"]
    assert event["token"] == inbox.reset_token(person.email)
    assert person.api.post("/auth/password-reset/confirm", {
        "token": event["token"],
        "new_password": "Another-Horse-9"}).status == 200
    empty(stack)
    assert [m.value["event_type"]
            for m in broker.read("user-events", person.id)] == [
        "user_signup", "password_reset_requested", "password_changed"]


def test_the_rest_is_on_auth_events(stack, broker, person):
    person.login()
    assert person.api.post("/auth/login", {
        "identifier": person.username, "password": "wrong"}).status == 401
    assert person.api.post("/auth/logout").status == 200
    stack.sql("insert into audit_logs (user_id, action, resource, result, "
              "reason) values (%s, '2fa.verified', 'users', 'success', "
              "'totp')", person.id)
    empty(stack)
    got = [m.value for m in broker.read("auth-events", person.id)]
    assert [v["event_type"] for v in got] == [
        "user_login", "user_logout", "2fa_verified"]
    assert [list(v) for v in got] == [
        ["event_type", "user_id", "timestamp"]] * 2 + [
        ["event_type", "user_id", "method", "timestamp"]]
    assert person.email not in json.dumps(got)
    capabilities = stack.api.root("GET", "/info").data["capabilities"]
    assert capabilities["kafka"] is True


@pytest.mark.stack(ENABLE_AUDIT_LOGGING="false")
def test_events_do_not_need_the_audit_log(stack, broker, person):
    empty(stack)
    assert [m.value["event_type"]
            for m in broker.read("user-events", person.id)] == ["user_signup"]
    assert stack.sql("select count(*) from audit_logs where user_id = %s",
                     person.id) == [(0,)]


@pytest.mark.stack(KAFKA_ENABLED="false")
def test_off_nothing_is_written(stack, person):
    until(lambda: stack.sql("select enabled from kafka_state") == [(False,)],
          "the switch")
    assert person.api.post("/auth/password-reset/request", {
        "email": person.email}).status == 200
    other = stack.api.new_person()
    other.login()
    assert stack.sql("select count(*) from kafka_outbox where user_id in "
                     "(%s, %s)", person.id, other.id) == [(0,)]
    assert stack.api.root("GET", "/info").data["capabilities"][
        "kafka"] is False


def test_a_broker_that_is_down_loses_and_holds_up_nothing(
        stack, broker, inbox):
    """Rows RE2, RE5: mail goes out meanwhile."""
    broker.tell("down")
    people = [stack.api.new_person() for _ in range(5)]
    for one in people:
        one.login()
        assert one.api.post("/auth/password-reset/request", {
            "email": one.email}).status == 200
    for one in people:
        inbox.reset_token(one.email)
    waiting = stack.sql("select id::text from kafka_outbox order by seq")
    assert len(waiting) >= 15
    metrics = stack.api.root("GET", "/metrics").body.decode()
    assert f"\npostern_kafka_outbox_ready {len(waiting)}\n" in metrics
    stats = json.loads(stack.ctl("kafka", "stats", "--json").stdout)
    assert sum(row["ready"] for row in stats) == len(waiting)
    broker.tell("up")
    empty(stack)
    got = {m.id for topic in ("user-events", "auth-events")
           for m in broker.read(topic)}
    assert {i for i, in waiting} <= got
    for one in people:
        assert [m.value["event_type"] for m in broker.read(
            "user-events", one.id)] == ["user_signup",
                                        "password_reset_requested"]


def add(stack, user, n=1, topic="user-events"):
    """Events as they are written; their ids in order."""
    return [i for i, in stack.sql(
        "insert into kafka_outbox (topic, event, user_id) "
        "select %s, 'user_signup', %s from generate_series(1, %s) "
        "returning id::text", topic, user, n)]


def new_user():
    return "%08x-0000-7000-8000-%012x" % (
        random.getrandbits(32), random.getrandbits(48))


def in_order(broker, written, topic="user-events"):
    """Every event is there; each key's first occurrences are in order."""
    got = collections.defaultdict(list)
    texts = collections.defaultdict(set)
    for m in broker.read(topic):
        if m.key in written:
            if m.id not in got[m.key]:
                got[m.key].append(m.id)
            texts[m.id].add(m.text)
    assert dict(got) == written
    assert all(len(t) == 1 for t in texts.values())


def family(pid):
    """A worker's processes by name."""
    lines = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid",
                            str(pid)],
                           capture_output=True, text=True).stdout
    return {name: int(p) for p, name in
            (line.split() for line in lines.splitlines())}


def publisher(stack):
    def find():
        return family(stack.pid("worker")).get("postern-kafka")
    return until(find, "a publisher")


def kill(pid, sig=signal.SIGKILL):
    """Whether it was there to be killed."""
    try:
        os.kill(pid, sig)
        return True
    except ProcessLookupError:
        return False


def test_killed_at_random_nothing_is_lost_and_order_holds(stack, broker):
    """Rows RE3, RE4: of worker and publisher; a second event with the same
    id is all that a kill may cost."""
    stop = threading.Event()
    kills = []

    def killer():
        while not stop.is_set():
            pid = stack.pid("worker")
            if pid:
                child = family(pid).get("postern-kafka")
                victim = child if child and len(kills) % 3 else pid
                if kill(victim):
                    kills.append(victim)
            time.sleep(random.uniform(0.2, 1.5))

    users = [new_user() for _ in range(10)]
    written = {u: [] for u in users}
    broker.tell("slow 20")
    thread = threading.Thread(target=killer)
    thread.start()
    try:
        n = 0
        while n < 300 or len(kills) < 5 and thread.is_alive():
            user = random.choice(users)
            written[user] += add(stack, user, random.choice((1, 1, 5)))
            time.sleep(0.02)
            n += 1
    finally:
        stop.set()
        thread.join()
    assert len(kills) >= 5
    empty(stack, 120)
    in_order(broker, {u: ids for u, ids in written.items() if ids})


@pytest.fixture
def second_worker(stack):
    process = subprocess.Popen(
        [stack["STATE_DIR"] + "/services/worker/run"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    yield process
    process.terminate()
    process.wait(40)


def test_a_publisher_that_stalls_is_replaced_and_stays_behind(
        stack, broker, second_worker):
    """Row RE3: it wakes with a lease that is another's, and events under way
    that were sent by that one."""
    user = new_user()
    first = publisher(stack)
    until(lambda: "postern-kafka" in family(second_worker.pid),
          "a second publisher")
    broker.tell("down")
    written = add(stack, user, 40)
    time.sleep(2)  # they are under way
    kill(first, signal.SIGSTOP)
    try:
        second = family(second_worker.pid)["postern-kafka"]
        stack.sql("update kafka_state set lease_until = now()")
        until(lambda: leads(stack, second), "the second's turn")
        broker.tell("up")
        written += add(stack, user, 40)
        empty(stack)
    finally:
        kill(first, signal.SIGCONT)
    written += add(stack, user, 40)
    empty(stack)
    time.sleep(3)  # what the first one had is sent, or dropped
    in_order(broker, {user: written})
    assert leads(stack, second)


def leads(stack, pid):
    """Is the lease in the name of that publisher's worker?"""
    [(holder, ends)] = stack.sql(
        "select lease_holder::text, lease_until > now() from kafka_state")
    if not ends:
        return False
    lock = f"{stack['RUN_DIR']}/worker-{holder}.lock"
    parent = subprocess.run(["ps", "-o", "ppid=", "-p", str(pid)],
                            capture_output=True, text=True).stdout.strip()
    fds = f"/proc/{parent}/fd"
    return any(os.path.realpath(os.path.join(fds, fd)) ==
               os.path.realpath(lock) for fd in os.listdir(fds))


def test_poison_is_a_dead_letter_and_stops_no_other(stack, broker):
    """Row RE5: seen by the operator, sent again at his word."""
    user, other = new_user(), new_user()
    publisher(stack)
    broker.tell(f"refuse 1 {TOO_LARGE}")
    [poison] = add(stack, user)
    until(lambda: stack.sql("select state from kafka_outbox where id = %s",
                            poison) == [("dead",)], "a dead letter")
    after = add(stack, other, 3)
    empty(stack)
    in_order(broker, {other: after})
    listed = json.loads(stack.ctl("kafka", "list", "--state", "dead",
                                  "--json").stdout)
    assert [(r["id"], r["event"], r["user_id"]) for r in listed] == [
        (poison, "user_signup", user)]
    assert "large" in listed[0]["error"].lower()
    assert stack.ctl("kafka", "retry", new_user(), check=False
                     ).returncode == 3
    assert json.loads(stack.ctl("kafka", "retry", poison, "--json").stdout
                      ) == {"due_again": 1}
    empty(stack)
    in_order(broker, {user: [poison]})


def test_neighbours_of_poison_are_not_buried_with_it(stack, broker):
    """Row RE5: the broker refuses a request as a whole; whose fault it is
    shows when each goes alone."""
    user = new_user()
    broker.tell("down")
    written = add(stack, user, 20)
    time.sleep(1.5)
    broker.tell(f"refuse 1 {TOO_LARGE}")
    broker.tell("up")
    empty(stack)
    in_order(broker, {user: written})
    assert stack.sql("select count(*) from kafka_outbox where user_id = %s",
                     user) == [(0,)]


def test_a_topic_that_is_closed_to_us_is_waited_for(stack, broker):
    """Rows RE2, RE5: that is nobody's fault but the cluster's."""
    user = new_user()
    publisher(stack)
    broker.tell(f"refuse 3 {NOT_AUTHORIZED}")
    written = add(stack, user, 3)
    until(lambda: stack.sql(
        "select count(*) from kafka_outbox where user_id = %s and error is "
        "not null and state = 'ready'", user) != [(0,)], "a reason")
    empty(stack)
    in_order(broker, {user: written})


def test_who_is_erased_leaves_no_address_in_the_outbox(stack, broker, person):
    """Row PV2: the event stays, for it happened."""
    broker.tell("down")
    other = stack.api.new_person()
    assert other.api.post("/auth/password-reset/request", {
        "email": other.email}).status == 200
    assert stack.sql("select count(*) from kafka_outbox where email = %s",
                     other.email) == [(2,)]
    stack.forget(other.email)
    assert stack.sql("select count(*), count(email) from kafka_outbox where "
                     "user_id = %s", other.id) == [(2, 0)]
    broker.tell("up")
    empty(stack)


class TlsListener:
    """Takes connections as a broker named localhost; notes what clients make
    of its certificate and the first bytes they trust it with."""

    def __init__(self, where):
        self.cert, key = str(where / "cert.pem"), str(where / "key.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
             "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
             "-keyout", key, "-out", self.cert], check=True,
            capture_output=True)
        where.chmod(0o755)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.cert, key)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.seen = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                plain, _ = self.socket.accept()
            except OSError:
                return
            try:
                plain.settimeout(5)
                with self.context.wrap_socket(plain, server_side=True) as c:
                    self.seen.append(c.recv(100))
            except (ssl.SSLError, OSError):
                self.seen.append(None)


@pytest.fixture
def listener(tmp_path):
    for parent in (tmp_path, *list(tmp_path.parents)[:2]):
        parent.chmod(0o755)
    one = TlsListener(tmp_path)
    yield one
    one.socket.close()


@pytest.mark.stack(KAFKA_ENABLED="false")
@pytest.mark.parametrize("host,trusted,goes", [
    ("localhost", True, True),
    ("localhost", False, False),
    ("127.0.0.1", True, False),
])
def test_only_a_broker_with_its_certificate_is_spoken_to(
        stack, listener, host, trusted, goes):
    """Its issuer is trusted and its name is the one we asked for; nothing,
    least of all a password, is said before."""
    settings = {"KAFKA_ENABLED": "true", "KAFKA_USE_TLS": "true",
                "KAFKA_BROKERS": f"{host}:{listener.port}",
                "KAFKA_USER": "postern", "KAFKA_PASSWORD": "Broker-Horse-71",
                "KAFKA_SASL_MECHANISM": "SCRAM-SHA-256",
                "KAFKA_CLIENT_ID": "gatehouse"}
    if trusted:
        settings["KAFKA_CA_FILE"] = listener.cert
    with open(stack["STATE_DIR"] + "/services/worker/run") as f:
        lines = f.read().splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith(". "))
    lines[at + 1:at + 1] = [f"export {k}='{v}'" for k, v in settings.items()]
    process = subprocess.Popen(["bash", "-c", "\n".join(lines)],
                               stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        until(lambda: listener.seen, "a connection")
        if not goes:
            time.sleep(1)  # it tries again
    finally:
        process.terminate()
        process.wait(40)
        stack.sql("update kafka_state set enabled = false")
    assert any(listener.seen) == goes, listener.seen
    assert any(b"gatehouse" in (said or b"") for said in listener.seen) == goes
