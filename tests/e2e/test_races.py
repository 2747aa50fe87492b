"""Single-use things under 32 requests at once: one wins, nobody sees a 5xx
but who hashes more at once than his share.

RACE_ROUNDS is the number of rounds, 10 here, 200 in the long run.
"""
import collections
import json
import os
import secrets
import socket
import urllib.parse

import pytest

from api import remember
from until import until

ROUNDS = int(os.environ.get("RACE_ROUNDS", "10"))
WIDTH = 32


def at_once(api, path, bodies, patient=True, **headers):
    """Statuses and JSON of as many POSTs; each waits with its last byte
    until all others stand ready. The patient come again when told to."""
    if api.token:
        headers["Authorization"] = "Bearer " + api.token
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n"
                   for name, value in headers.items())
    host = urllib.parse.urlsplit(api.base_url)
    waiting = []
    for body in bodies:
        remember(body)
        text = json.dumps(body).encode()
        head = (f"POST {api.mount}{path} HTTP/1.1\r\nHost: {host.netloc}\r\n"
                f"Content-Type: application/json\r\nConnection: close\r\n"
                f"Content-Length: {len(text)}\r\n{more}\r\n").encode()
        conn = socket.create_connection((host.hostname, host.port), 60)
        conn.sendall(head + text[:-1])
        waiting.append((conn, text[-1:]))
    for conn, last in waiting:
        conn.sendall(last)
    answers = []
    for conn, _ in waiting:
        raw = b""
        while True:
            piece = conn.recv(65536)
            if not piece:
                break
            raw += piece
        conn.close()
        head, _, body = raw.partition(b"\r\n\r\n")
        answers.append((int(head.split()[1]), json.loads(body)))
        remember(answers[-1][1])

    busy = [i for i, (_, answer) in enumerate(answers)
            if patient and answer.get("code") == "SERVER_BUSY"]
    if busy:
        again = at_once(api, path, [bodies[i] for i in busy], **headers)
        for i, answer in zip(busy, again):
            answers[i] = answer
    return answers


def one_wins(answers, good, losers):
    """The one success; all others failed as they should."""
    count = collections.Counter(status for status, _ in answers)
    assert count[good] == 1, count
    assert set(count) <= {good} | set(losers), count
    return next(body["data"] for status, body in answers if status == good)


def test_one_refresh_token_rotates_once(api, stack):
    """Rows RT1, RT2: and no branch of the family lives on."""
    person = api.new_person()
    for _ in range(ROUNDS):
        person.login()
        won = one_wins(at_once(api, "/auth/refresh", [
            {"refresh_token": person.refresh}] * WIDTH), 200, [401])
        assert api.check(won["access_token"]) == 401
        assert api.post("/auth/refresh", {
            "refresh_token": won["refresh_token"]}).status == 401
        assert stack.sql("select generation, end_reason from sessions where"
                         " id = %s", person.session) == [(1, "reuse")]


@pytest.mark.stack(REFRESH_GRACE_SECONDS="60")
def test_within_the_grace_all_get_the_one_successor(api, stack):
    """Row RT2."""
    person = api.new_person()
    for _ in range(ROUNDS):
        answers = at_once(api, "/auth/refresh", [
            {"refresh_token": person.refresh}] * WIDTH)
        assert {status for status, _ in answers} == {200}
        assert len({body["data"]["refresh_token"]
                    for _, body in answers}) == 1
        person.refresh = answers[0][1]["data"]["refresh_token"]
    assert stack.sql("select generation from sessions where id = %s",
                     person.session) == [(ROUNDS,)]


def test_one_code_verifies_once(api, stack, inbox):
    """Row OT4."""
    for _ in range(ROUNDS):
        person = api.new_person()
        code = inbox.otp(person.email)
        won = one_wins(at_once(api, "/auth/verify-email", [
            {"email": person.email, "otp": code}] * WIDTH), 200, [400, 429])
        assert won["user"]["is_verified"] is True
        assert stack.sql("select count(*) from audit_logs where user_id ="
                         " %s and action = 'auth.verify_email' and result ="
                         " 'success'", person.id) == [(1,)]


def test_wrong_codes_get_three_attempts_between_them(api, stack, inbox):
    """Row OT1: attempts are charged before the comparison."""
    person = api.new_person()
    code = inbox.otp(person.email)
    wrong = [f"{(int(code) + 1 + i) % 1000000:06d}" for i in range(WIDTH)]
    answers = at_once(api, "/auth/verify-email", [
        {"email": person.email, "otp": otp} for otp in wrong])
    assert {status for status, _ in answers} <= {400, 429}
    assert stack.sql("select attempts from one_time where user_id = %s",
                     person.id) == [(3,)]


def test_one_reset_link_sets_one_password(api, inbox):
    """Row PR6."""
    person = api.new_person()
    for n in range(ROUNDS):
        api.post("/auth/password-reset/request", {"email": person.email})
        token = inbox.reset_token(person.email, n + 1)
        wanted = ["Bb2-" + secrets.token_urlsafe(9) for _ in range(WIDTH)]
        answers = at_once(api, "/auth/password-reset/confirm", [
            {"token": token, "new_password": p} for p in wanted])
        one_wins(answers, 200, [400])
        winner = [status for status, _ in answers].index(200)
        assert person.try_login(wanted[winner]).status == 200
        assert person.try_login(wanted[winner - 1]).status == 401


def test_one_user_name_has_one_owner(api, stack):
    for _ in range(ROUNDS):
        name = "u" + secrets.token_hex(6)
        one_wins(at_once(api, "/auth/register", [
            {"email": f"{name}.{i}@example.test", "password": "Aa1-very-own-word",
             "username": name if i % 2 else name.upper()}
            for i in range(WIDTH)]), 201, [409])
        assert stack.sql("select count(*) from users where lower(username)"
                         " = %s", name) == [(1,)]


def test_one_address_has_one_account(api, stack):
    name = "u" + secrets.token_hex(6)
    one_wins(at_once(api, "/auth/register", [
        {"email": f"{name}@example.test", "password": "Aa1-very-own-word",
         "username": f"{name}.{i}"} for i in range(WIDTH)]), 201, [409])


def test_parallel_wrong_logins_are_counted_before_they_are_compared(api,
                                                                    stack):
    """Row RL2: no more than five hashes, whatever comes at once."""
    person = api.new_person()
    answers = at_once(api, "/auth/login", [
        {"identifier": person.email, "password": f"Aa1-wrong-{i}"}
        for i in range(64)])
    count = collections.Counter(status for status, _ in answers)
    assert set(count) <= {401, 423, 503}, count
    assert 1 <= count[401] <= 5, count
    assert stack.sql("select count(*) from audit_logs where user_id = %s and"
                     " action = 'auth.login' and reason ="
                     " 'INVALID_CREDENTIALS'", person.id
                     ) == [(count[401],)]
    assert person.try_login().status == 423


def test_a_right_login_among_wrong_ones_is_one_of_five_attempts(api):
    person = api.new_person()
    answers = at_once(api, "/auth/login", [
        {"identifier": person.email, "password":
         person.password if i == 31 else "Aa1-wrong"} for i in range(WIDTH)])
    assert {status for status, _ in answers} <= {200, 401, 423}


def test_one_idempotency_key_makes_one_account(api, stack):
    """Row RE9."""
    name = "u" + secrets.token_hex(6)
    body = {"email": name + "@example.test", "username": name,
            "password": "Aa1-very-own-word"}
    answers = at_once(api, "/auth/register", [body] * WIDTH,
                      Idempotency_Key=name)
    made = {body["data"]["user"]["id"] for status, body in answers
            if status == 201}
    assert len(made) == 1
    assert {status for status, _ in answers} <= {201, 409}
    assert stack.sql("select count(*) from users where email = %s",
                     body["email"]) == [(1,)]


CORES = len(os.sched_getaffinity(0))


@pytest.mark.skipif(CORES < 2, reason="one core cannot be shared")
def test_one_owner_leaves_cores_to_the_others(api):
    """Row PW10: past his share a hash is refused at once, though the queue has
    room. The password is right, and not changed."""
    person = api.new_person()
    same = {"old_password": person.password, "new_password": person.password}

    def refused():
        statuses = {status for status, _ in at_once(
            person.api, "/auth/change-password", [same] * (CORES + 1),
            patient=False)}
        assert statuses <= {422, 503}
        return 503 in statuses
    until(refused)
    assert api.new_person().try_login().status == 200


def test_parallel_changes_of_a_password_leave_one(api):
    person = api.new_person()
    wanted = ["Bb2-" + secrets.token_urlsafe(9) for _ in range(8)]
    answers = at_once(person.api, "/auth/change-password", [
        {"old_password": person.password, "new_password": p}
        for p in wanted])
    one_wins(answers, 200, [401, 423, 503])
    winner = [status for status, _ in answers].index(200)
    assert person.try_login(wanted[winner]).status in (200, 423)
    assert person.try_login().status in (401, 423)
