"""The running service against matrix.csv, every route by every actor on every
object (rows RB1, RB2)."""
import csv
import json
import os

import pytest

from factor import Enrolled
from matrix import UNFINISHED, matrix
from staff import custom_role, limited, staff

HERE = os.path.dirname(os.path.abspath(__file__))
NOTHING = "00000000-0000-7000-8000-000000000000"
# These end the session or the account of who asks.
FATAL = {("POST", "/auth/logout"), ("DELETE", "/auth/me")}


@pytest.fixture
def routes(stack):
    return json.loads(stack.ctl("routes", "--json").stdout)


def test_the_matrix_is_that_of_the_routes(routes):
    """After a change of routes.def it is made anew, see matrix.py."""
    with open(HERE + "/matrix.csv", encoding="utf-8") as file:
        assert file.read() == matrix(routes)


class World:
    """Everybody, and something of everything that is not theirs."""

    def __init__(self, stack):
        self.stack = stack
        self.boss = staff(stack, "super_admin")
        self.people = {name: self.make(name) for name in (
            "user", "limited", "admin", "super_admin", "stale")}
        gone = stack.api.new_person()
        self.boss.api.post(f"/admin/users/{gone.id}/deactivate")
        key = self.boss.api.post("/api-keys", {
            "name": "all", "scopes": ["*"], "rate_limit": 100000}).data
        half = Enrolled(stack, stack.api.new_person())
        self.tokens = {"nobody": None, "forged": "forged",
                       "deactivated": gone.access, "key": key["api_key"],
                       "challenge": half.challenge()}
        other = stack.api.new_person()
        api = other.api
        self.of_another = {
            "/auth/sessions": other.session,
            "/api-keys": api.post("/api-keys", {
                "name": "k", "scopes": ["x"]}).data["id"],
            "/webhooks": api.post("/webhooks", {
                "url": "https://example.com/x",
                "events": ["user.login"]}).data["id"],
        }

    def make(self, name):
        if name == "user":
            return self.stack.api.new_person()
        if name == "limited":
            return limited(self.stack, self.boss, "users.read")
        if name == "stale":
            someone = staff(self.stack, "super_admin")
            self.stack.age_proof(someone, 11)
            return someone
        return staff(self.stack, name)

    def actor(self, row):
        """Who asks; for what ends his own session somebody new."""
        if row["object"] == "own" and row["method"] != "GET" or (
                row["method"], row["path"]) in FATAL:
            return self.make(row["actor"])
        return self.people[row["actor"]]

    def thing(self, row, actor):
        path = row["path"]
        if row["object"] == "missing":
            return NOTHING
        if row["object"] == "own":
            return actor.id
        if path.startswith("/admin/users/"):
            return self.stack.api.new_person().id
        if path.startswith("/roles/"):
            return custom_role(self.boss, "users.read")["id"]
        for begin, thing in self.of_another.items():
            if path.startswith(begin):
                return thing
        return NOTHING

    def ask(self, row):
        path = row["path"]
        if row["actor"] in self.tokens:
            actor, api = None, self.stack.api.of(self.tokens[row["actor"]])
        else:
            actor = self.actor(row)
            api = actor.api
        if "{" in path:
            path = path.replace("{id}", self.thing(row, actor), 1)
            path = path.replace("{role}", row["actor"] if
                                row["object"] == "own" else "user")
            path = path.replace("{id}", NOTHING)
        body = {} if row["method"] != "GET" else None
        return api.send(row["method"], path, body)


def code(answer):
    try:
        return answer.code
    except ValueError:
        return None


def fits(answer, expected):
    if expected == "absent":
        return answer.status in (404, 422)
    if expected == "judged":
        return answer.status in (401, 422)
    if expected == "open":
        return answer.status < 500 and code(answer) not in (
            "UNAUTHORIZED", "TOKEN_INVALID", "FORBIDDEN", "NOT_FOUND",
            "INSUFFICIENT_SCOPE", "METHOD_NOT_ALLOWED", "REAUTH_REQUIRED")
    return answer.status == int(expected)


def compare(world, among, least):
    """Every row of these actors against the service."""
    with open(HERE + "/matrix.csv", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if among(row["actor"])]
    wrong = []
    for row in rows:
        answer = world.ask(row)
        if not fits(answer, row["expected"]):
            wrong.append((row, answer))
    assert len(rows) > least
    assert not wrong, "\n".join(f"{r}: {a}" for r, a in wrong)


@pytest.mark.slow
def test_the_service_is_what_the_matrix_says(stack):
    compare(World(stack), lambda actor: actor not in UNFINISHED, 1000)


class Unfinished(World):
    """Where more is asked of an account than that it is there."""

    def __init__(self, stack):
        self.stack = stack
        self.tokens, self.of_another = {}, {}
        self.people = {name: self.make(name) for name in UNFINISHED}

    def make(self, name):
        if name == "unenrolled":
            return staff(self.stack, "admin")
        someone = staff(self.stack, "user")
        self.stack.sql("update users set is_verified = false where id = %s",
                       someone.id)
        self.stack.forget_cache()
        return someone

    def thing(self, row, actor):
        return actor.id if row["object"] == "own" else NOTHING


@pytest.mark.stack(EMAIL_VERIFICATION="required",
                   TWO_FACTOR_REQUIRED_ROLES="admin,super_admin")
def test_who_has_not_finished_finds_the_doors_closed(stack):
    """Rows LG7, TO11."""
    compare(Unfinished(stack), lambda actor: actor in UNFINISHED, 200)
