"""The stack under test.

`./dev test` names its place by POSTERN_DEV_DIR and PORT. A test says what
settings it needs, @pytest.mark.stack(REDIS_HOST="") on itself or as its
module's pytestmark; tests with the same ones are one group (shards.py), and
the stack is started anew (./dev up) where they change.

@pytest.mark.slow is for a test that takes seconds and shows once more, with
more rounds, rows or web servers, what quick ones show: `./dev test all` runs
it, `./dev test` says that it was left out.
"""
import os
import secrets
import shutil
import subprocess
import tempfile

import psycopg2
import pytest
import redis

from api import Api
from edges import Edge
from maildir import Inbox
from shards import Shard
from until import until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))

# Known to the tests, because they forge tokens with it.
JWT_SECRET = secrets.token_urlsafe(48)

# Limits have tests of their own; all others would meet them.
USUAL = {"ENABLE_RATE_LIMITING": "false", "JWT_SECRET": JWT_SECRET}

# Files that take the longest, the longest first.
LONG = ["test_worker.py", "test_webhooks.py", "test_dev.py",
        "test_web_servers.py", "test_ctl.py", "test_kafka.py",
        "test_database.py", "test_slow.py", "test_audit.py",
        "test_factors.py", "test_samples.py"]


class Stack:
    """The stack of POSTERN_DEV_DIR and its places."""

    def __init__(self):
        self.settings = None
        self.places = {}
        self.inbox = None
        self.db = None

    def up(self, settings):
        if settings == self.settings:
            return self
        self.settings = None
        run = subprocess.run(
            [ROOT + "/dev", "up"], env={**os.environ, **settings},
            stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        self.settings = settings
        self.places = dict(line.split("=", 1)
                           for line in self.dev("env").splitlines())
        if self.inbox is None:
            self.inbox = Inbox(self["MAIL_DIR"])
            self.reconnect()
        return self

    def reconnect(self):
        """To a Postgres that has just come back, too."""
        def connect():
            try:
                return psycopg2.connect(self["DATABASE_OWNER_URL"])
            except psycopg2.OperationalError:
                return None
        self.db = until(connect, "a connection to Postgres")
        self.db.autocommit = True

    def dev(self, *args):
        """./dev with these words; what it prints."""
        return subprocess.run([ROOT + "/dev", *args], check=True,
                              capture_output=True, text=True).stdout

    def __getitem__(self, name):
        return self.places[name]

    @property
    def api(self):
        """One peer, whichever of the two localhost means first."""
        return Api(self["BASE_URL"].replace("localhost", "127.0.0.1"))

    def sql(self, query, *args):
        """Rows of a statement, as the owner of the tables."""
        with self.db.cursor() as cursor:
            cursor.execute(query, args)
            return cursor.fetchall() if cursor.description else None

    def ctl(self, *args, check=True, **kwargs):
        """posternctl with the settings of the stack, as ./dev ctl runs it."""
        return subprocess.run(
            [self["RUN_DIR"] + "/posternctl", *args], check=check,
            env={"TERM": "dumb"}, capture_output=True, text=True, **kwargs)

    def pid(self, service):
        """Of a service that runs at this moment, or 0."""
        try:
            with open(f"{self['STATE_DIR']}/services/{service}/pid") as file:
                return int(file.read().split()[0])
        except FileNotFoundError:
            return 0

    def age_proof(self, person, minutes):
        """As if he had proved himself so many minutes ago."""
        self.sql("update sessions set proved_at = now() - make_interval("
                 "mins => %s) where user_id = %s", minutes, person.id)
        self.forget_cache()

    def forget_limits(self):
        """All budgets are whole again."""
        self.sql("delete from attempts")
        self.forget_cache()

    def forget_cache(self):
        """As if Redis had been flushed, where there is one, and the host had
        just begun."""
        if self["PID_REDIS"]:
            self.cache().flushall()
        self.ctl("forget")

    def cache(self):
        return redis.Redis.from_url(self["REDIS_URL"])

    def forget(self, *addresses):
        """A second run meets its own leftovers otherwise."""
        # Nor does the last super_admin stay for a test.
        self.sql("alter table users disable trigger users_last_delete")
        self.sql("delete from users where email = any(%s)", list(addresses))
        self.sql("alter table users enable trigger users_last_delete")


def settings_of(item):
    """The settings of a test, the nearest mark last; None without a stack."""
    if "stack" not in item.fixturenames or item.fspath.basename in (
            "test_worker.py",):
        return None
    settings = dict(USUAL)
    for mark in reversed(list(item.iter_markers("stack"))):
        settings.update(mark.kwargs)
    return settings


def group_of(item):
    """One file, or one set of unusual settings, whose values may be others
    in each process."""
    settings = settings_of(item)
    if settings is None or settings == USUAL:
        return item.fspath.basename
    return tuple(sorted(settings.items()))


def is_last(item):
    return item.get_closest_marker("last") is not None


def pytest_configure(config):
    for line in ("stack(NAME=VALUE...): settings the stack runs with",
                 "slow: left out by ./dev test, run by ./dev test all",
                 "last: after all the others, on each stack"):
        config.addinivalue_line("markers", line)
    config.pluginmanager.register(
        Shard(group_of, is_last, settings_of), "shard")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """The long files first, so that no stack ends long after the others."""
    def rank(item):
        name = item.fspath.basename
        return LONG.index(name) if name in LONG else len(LONG)
    slow = [i for i in items if i.get_closest_marker("slow")]
    if slow and not os.environ.get("TEST_SLOW"):
        config.pluginmanager.get_plugin("shard").slow = len(slow)
        config.hook.pytest_deselected(items=slow)
        items[:] = [i for i in items if i not in slow]
    items.sort(key=rank)


@pytest.fixture(scope="session")
def the_stack():
    if "POSTERN_DEV_DIR" not in os.environ or "PORT" not in os.environ:
        pytest.skip("needs a stack: ./dev test e2e")
    return Stack()


@pytest.fixture
def stack(the_stack, request):
    return the_stack.up(settings_of(request.node))


@pytest.fixture(params=["own", pytest.param(
    "libfcgi", marks=pytest.mark.stack(FCGI_TRANSPORT="libfcgi"))])
def hand(request, stack):
    """A test that asks for it runs by whichever hand speaks FastCGI."""
    with open(stack["BIN_DIR"] + "/postern", "rb") as program:
        if request.param == "libfcgi" and \
                b"libfcgi.so" not in program.read():
            pytest.skip("built without libfcgi")
    return request.param


@pytest.fixture
def api(stack):
    return stack.api


@pytest.fixture
def person(api):
    return api.new_person()


@pytest.fixture
def inbox(stack):
    return stack.inbox


@pytest.fixture
def edge(stack):
    """A maker of web servers."""
    made = []

    def make(kind):
        if not shutil.which(kind.split("-")[0].replace("apache", "apache2")):
            pytest.skip(kind + " is not installed")
        made.append(Edge(kind, stack, tempfile.mkdtemp(prefix="edge-")))
        return made[-1]
    yield make
    for one in made:
        one.close()
        shutil.rmtree(one.place)
