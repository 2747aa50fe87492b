"""Two hosts on one Postgres, each with a Redis of its own: row SE3."""
import os
import secrets
import socket
import subprocess
import time

import pytest

from test_master import request
from until import until

# A second, by row SE3; the rest is for a machine with much to do.
SECOND = 1.5


class Host:
    """One more web process with the stack's settings and places of its own."""

    def __init__(self, stack, place):
        self.path = f"{place}/postern.sock"
        redis = f"{place}/redis.sock"
        self.redis = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", redis,
             "--save", "", "--dir", str(place)], stdout=subprocess.DEVNULL)
        until(lambda: os.path.exists(redis), "a second Redis")
        lines = subprocess.run(
            ["bash", "-c", ". \"$0\"; env -0", stack["STATE_DIR"] + "/env.sh"],
            check=True, capture_output=True, text=True).stdout
        env = dict(line.split("=", 1) for line in lines.split("\0") if line)
        env.update(REDIS_HOST=redis, REDIS_PASSWORD="",
                   RUNTIME_DIR=str(place))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path)
            listener.listen(64)
            self.web = subprocess.Popen(
                [stack["BIN_DIR"] + "/postern", "--single"], stdin=listener,
                stderr=subprocess.DEVNULL, env=env)

    def status(self, person):
        with socket.socket(socket.AF_UNIX) as conn:
            conn.connect(self.path)
            conn.settimeout(30)
            conn.sendall(request(
                "/api/v1/auth/me", REMOTE_ADDR="192.0.2.9",
                HTTP_AUTHORIZATION="Bearer " + person.access))
            data = b""
            while part := conn.recv(65536):
                data += part
        return int(data.split(b"Status: ")[1][:3])

    def end(self):
        for process in (self.web, self.redis):
            process.terminate()
            process.wait(20)


@pytest.fixture
def other(stack, tmp_path):
    host = Host(stack, tmp_path)
    yield host
    host.end()


def believed(host, person, since):
    """How long after that moment the host let him in last."""
    last = 0
    while time.monotonic() < since + 3:
        asked = time.monotonic()
        if host.status(person) == 200:
            last = asked - since
        # A process that nobody replaces must not come to its end of life.
        time.sleep(0.01)
    return last


def test_with_a_redis_for_each_host(stack, other, person):
    assert until(lambda: other.status(person) == 200, "the other host")
    assert person.api.post("/auth/logout").status == 200
    assert believed(other, person, time.monotonic()) <= SECOND
    assert other.status(person) == 401


def test_where_the_one_that_revokes_is_cut_from_redis(
        api, stack, other, person):
    assert other.status(person) == 200
    stack.dev("stop-service", "redis")
    try:
        assert person.api.post("/auth/logout").status == 200
        assert api.check(person.access) == 401
        assert believed(other, person, time.monotonic()) <= SECOND
    finally:
        stack.dev("start-service", "redis")
        until(lambda: api.root("GET", "/health").json["checks"]["redis"]
              ["status"] == "up", "Redis is back")


@pytest.mark.stack(REDIS_PREFIX="auth-" + secrets.token_hex(4) + ":")
def test_every_key_stands_behind_the_prefix(api, stack, person):
    """Row SE8."""
    stack.cache().flushall()
    for _ in range(3):
        assert person.api.get("/auth/me").status == 200
    assert person.api.post("/auth/logout").status == 200
    assert api.root("GET", "/health").status == 200
    keys = {key.decode() for key in stack.cache().scan_iter()}
    assert keys
    assert all(key.startswith(stack.settings["REDIS_PREFIX"])
               for key in keys), keys
