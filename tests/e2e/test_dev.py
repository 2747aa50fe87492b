"""./dev: each `up` has exactly the settings it was given, and what it prints
about the stack is good for others."""
import json
import os
import subprocess

import pytest

from api import Api
from test_worker import TOP, free_port

pytestmark = pytest.mark.slow
SECRET = "kq3VY0pZ7mD1xw9RfB6tLs2eHc8uNj4aGoPiXyTz"


class Dev:
    """A stack of its own, beside the one of the tests."""

    def __init__(self, where):
        self.env = {k: v for k, v in os.environ.items() if k in (
            "PATH", "HOME", "POSTERN_DEV_BUILD", "LANG")}
        self.port = free_port()
        self.env.update(POSTERN_DEV_DIR=str(where), PORT=str(self.port))

    def run(self, *words, **more):
        return subprocess.run([TOP + "/dev", *words], env=dict(
            self.env, **more), stdin=subprocess.DEVNULL, capture_output=True,
            text=True)

    def up(self, **more):
        done = self.run("up", **more)
        assert done.returncode == 0, done.stderr
        return dict(line.split("=", 1)
                    for line in self.run("env").stdout.splitlines())

    def limited(self):
        """Does a login say how many are left?"""
        answer = Api(f"http://localhost:{self.port}").post("/auth/login", {})
        assert answer.status == 422
        return "X-RateLimit-Limit" in answer.headers

    def setting(self, name):
        """Its line of the settings that hold: value and where it is from."""
        lines = self.run("ctl", "check-config", "--print").stdout.splitlines()
        section, key = name.split(".")
        at = lines.index(section + ":")
        return next(x.strip() for x in lines[at:]
                    if x.startswith(f"  {key}:"))


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    where = tmp_path_factory.mktemp("dev")
    for path in (where, where.parent, where.parent.parent):
        path.chmod(0o755)
    stack = Dev(where / "state")
    yield stack
    stack.run("clean")


LIMITS = "HOTEL_REVIEWS_AUTH_ENABLE_RATE_LIMITING"


def test_each_up_has_exactly_the_settings_it_was_given(dev):
    """Of the supervisor's first start nothing is left, good or bad."""
    bad = dev.run("up", **{LIMITS: "perhaps"})
    assert bad.returncode != 0 and LIMITS in bad.stderr
    dev.up(**{LIMITS: "false"})
    assert dev.limited() is False
    dev.up()
    assert dev.limited() is True
    # posternctl speaks of the stack, not of who calls it.
    done = dev.run("ctl", "check-config", "--json", JWT_SECRET="short")
    assert json.loads(done.stdout)["ok"] is True


def test_localhost_is_both_addresses(dev):
    places = dev.up()
    assert places["BASE_URL"] == f"http://localhost:{dev.port}"
    assert dev.setting("service.public_url").startswith(
        f"public_url: {places['BASE_URL']} ")
    hosts = ["localhost", "127.0.0.1"]
    if os.path.exists("/proc/net/if_inet6"):
        hosts.append("[::1]")
    for web in ("lighttpd", "cgi", "apache", "nginx"):
        dev.up(WEB=web)
        for host in hosts:
            api = Api(f"http://{host}:{dev.port}")
            assert api.get("/health").status == 200, (web, host)


def test_the_url_of_redis_is_one_for_redis_cli(dev):
    places = dev.up()
    assert subprocess.run(
        ["redis-cli", "-u", places["REDIS_URL"], "ping"], check=True,
        capture_output=True, text=True).stdout == "PONG\n"


@pytest.mark.parametrize("text", [
    "jwt:\n  secret: " + SECRET + "\n", "jwt: {secret: " + SECRET + "}\n",
    "auth:\n  jwt_secret: " + SECRET + "\n"])
def test_a_secret_in_the_file_of_the_caller_counts(dev, tmp_path, text):
    """Whatever its mode; the copy is the programs' alone."""
    mine = tmp_path / "postern.yaml"
    mine.write_text(text)
    mine.chmod(0o644)
    places = dev.up(POSTERN_CONFIG=str(mine))
    line = dev.setting("jwt.secret")
    assert "postern.yaml" in line and SECRET not in line
    copy = os.stat(places["STATE_DIR"] + "/postern.yaml")
    assert copy.st_mode & 0o777 == 0o600
    dev.up()
    assert "postern.yaml" not in dev.setting("jwt.secret")
    gone = dev.run("up", POSTERN_CONFIG=str(tmp_path / "none.yaml"))
    assert gone.returncode != 0 and "none.yaml" in gone.stderr
