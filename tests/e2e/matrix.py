#!/usr/bin/python3
"""Route x actor x object (row RB2), made from the table of routes:

    posternctl routes --json | tests/e2e/matrix.py >tests/e2e/matrix.csv

What is expected follows from a row's "who", "needs", "proof" and "enrol"
alone. 401 and 403 are statuses; "absent" is 404, or 422 where the body is
judged first; "judged" is 401, or 422 where a challenge may come in the body;
"open" is anything that the door itself does not give.
"""
import csv
import io
import json
import sys

ADMIN = {"users.read", "users.write", "sessions.read", "sessions.write",
         "roles.read", "roles.assign", "audit.read", "stats.read"}
HOLDS = {"user": set(), "limited": {"users.read"}, "admin": ADMIN,
         "super_admin": ADMIN | {"roles.write"}}
# Not signed in: without anything, with a forged token, with the token of an
# account that was deactivated, with the challenge of a login whose factor is
# to come, with an API key of all scopes.
STRANGERS = ["nobody", "forged", "deactivated"]
OTHERS = STRANGERS + ["challenge", "key"]
# A super_admin who proved himself too long ago.
STALE = "stale"
# Signed in where addresses must be verified and administrators enrol: one
# whose address is not, an administrator who did not.
UNFINISHED = ["unverified", "unenrolled"]
ACTORS = OTHERS + list(HOLDS) + [STALE] + UNFINISHED
# An administrator's second factor is an application.
NOT_FOR_ADMINS = {("POST", "/auth/2fa/email/setup")}
NOT_TO_ONESELF = {("DELETE", "/admin/users/{id}"),
                  ("POST", "/admin/users/{id}/deactivate"),
                  ("POST", "/admin/users/{id}/reset-2fa")}
# A password or code in the body is as good as a recent proof.
PROVES_ITSELF = {("DELETE", "/auth/me"), ("POST", "/auth/2fa/disable")}


def stranger(row, actor):
    """The same for who has no session."""
    who = row["who"]
    if actor == "challenge":
        return "open" if who.startswith("challenge") else "401"
    if actor == "key":
        return {"user": "401", "permission": "403"}.get(who, "open")
    return "judged" if who.startswith("challenge") else "401"


def permitted(row, actor):
    if row["who"] != "permission" or actor == STALE:
        return True
    return row["needs"] in HOLDS.get(
        {"unverified": "user", "unenrolled": "admin"}.get(actor, actor))


def door(row, actor):
    """What the door gives: 401, 403 or "open"."""
    if row["who"] == "anyone":
        return "open"
    if row["who"] == "anyone or user":
        return "401" if actor in ("forged", "deactivated") else "open"
    if actor in OTHERS:
        return stranger(row, actor)
    if row["who"] == "key":
        return "401"
    if not permitted(row, actor) or (actor in UNFINISHED and
                                     not row["enrol"]):
        return "403"
    if actor == STALE and (row["proof"] or
                           (row["method"], row["path"]) in PROVES_ITSELF):
        return "403"
    return "403" if (row["method"], row["path"]) in NOT_FOR_ADMINS and \
        actor in ("admin", "super_admin", STALE, "unenrolled") else "open"


def expected(row, actor, thing):
    seen = door(row, actor)
    if seen != "open" or thing == "none":
        return seen
    if thing == "missing":
        return "absent"
    if thing == "own":
        return "403" if (row["method"], row["path"]) in NOT_TO_ONESELF \
            else "open"
    return "open" if row["who"] == "permission" else "absent"


def things(row, actor):
    if "{" not in row["path"]:
        return ["none"]
    own = row["path"].startswith("/admin/users/") and actor in HOLDS
    return ["missing", "foreign"] + ["own"] * own


def matrix(rows):
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    write(["method", "path", "actor", "object", "expected"])
    for row in rows:
        for actor in ACTORS:
            for thing in things(row, actor):
                write([row["method"], row["path"], actor, thing,
                       expected(row, actor, thing)])
    return out.getvalue()


if __name__ == "__main__":
    sys.stdout.write(matrix(json.load(sys.stdin)))
