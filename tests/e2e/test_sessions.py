"""Tokens and sessions: refresh, logout, lists."""
import concurrent.futures

import pytest

from until import until


def refresh(api, token, **headers):
    return api.post("/auth/refresh", {"refresh_token": token}, **headers)


def test_a_refresh_rotates_and_keeps_the_session(api, person):
    answer = refresh(api, person.refresh)
    assert answer.status == 200
    assert answer.data["refresh_token"] != person.refresh
    assert answer.data["access_token"] != person.access
    assert answer.data["expires_in"] == 900
    assert answer.data["session_id"] == person.session
    assert api.check(answer.data["access_token"]) == 200


def test_a_token_used_twice_ends_its_family_and_no_other(api, stack, person,
                                                         inbox):
    """Rows RT1, RT4."""
    other = person.another_session()
    newest = refresh(api, person.refresh).data
    again = refresh(api, person.refresh)
    assert (again.status, again.code) == (401, "INVALID_REFRESH_TOKEN")
    assert refresh(api, newest["refresh_token"]).status == 401
    for token in (newest["access_token"], person.access):
        assert api.check(token) == 401
    assert api.check(other.access) == 200
    assert refresh(api, other.refresh).status == 200
    inbox.wait(person.email, "ended a")
    assert stack.sql("select result from audit_logs where user_id = %s and"
                     " action = 'refresh.reuse'", person.id) == [
                         ("failure",)]


def test_an_old_generation_is_reuse_too(api, person):
    tokens = [person.refresh]
    for _ in range(3):
        tokens.append(refresh(api, tokens[-1]).data["refresh_token"])
    assert refresh(api, tokens[0]).status == 401
    assert refresh(api, tokens[-1]).status == 401


def test_a_lost_answer_is_repaired_by_the_same_key(api, person):
    first = refresh(api, person.refresh, Idempotency_Key="k1")
    second = refresh(api, person.refresh, Idempotency_Key="k1")
    assert second.status == 200
    assert second.data["refresh_token"] == first.data["refresh_token"]
    assert api.check(second.data["access_token"]) == 200
    third = refresh(api, second.data["refresh_token"], Idempotency_Key="k2")
    assert third.status == 200


def test_the_key_repairs_only_the_newest_step(api, person):
    """Row RT3."""
    first = refresh(api, person.refresh, Idempotency_Key="k1").data
    refresh(api, first["refresh_token"], Idempotency_Key="k2")
    assert refresh(api, person.refresh, Idempotency_Key="k1").status == 401
    assert refresh(api, first["refresh_token"], Idempotency_Key="k2"
                   ).status == 401


def test_another_key_or_none_is_no_repair(api, person):
    refresh(api, person.refresh, Idempotency_Key="k1")
    assert refresh(api, person.refresh, Idempotency_Key="k2").status == 401


def test_a_key_used_for_another_token_is_a_conflict(api, person):
    first = refresh(api, person.refresh, Idempotency_Key="k1").data
    answer = refresh(api, first["refresh_token"], Idempotency_Key="k1")
    assert (answer.status, answer.code) == (409, "IDEMPOTENCY_CONFLICT")
    assert refresh(api, first["refresh_token"]).status == 200


def test_repair_ends_after_a_minute(api, stack, person):
    refresh(api, person.refresh, Idempotency_Key="k1")
    stack.sql("update sessions set rotated_at = rotated_at - interval"
              " '61 seconds' where id = %s", person.session)
    assert refresh(api, person.refresh, Idempotency_Key="k1").status == 401


def test_malformed_refresh_tokens_fail_alike(api, person):
    token = person.refresh
    flip = "A" if token[-5] != "A" else "B"
    for bad in (token[:-5] + flip + token[-4:], token + "A", token[:-2],
                "prt_", "x" * 3000, person.access, token.lower(),
                token.replace("prt_", "pwr_")):
        answer = refresh(api, bad)
        assert (answer.status, answer.code) == (
            401, "INVALID_REFRESH_TOKEN"), bad
    for body in ({}, {"refresh_token": ""}, {"refresh_token": None},
                 {"refresh_token": 5}):
        answer = api.post("/auth/refresh", body)
        assert (answer.status, answer.fields) == (422, ["refresh_token"])
    assert refresh(api, token).status == 200  # none of these was a use


def test_an_expired_session_refreshes_no_more(api, stack, person):
    """Row RT6."""
    stack.sql("update sessions set expires_at = now() - interval '1 second'"
              " where id = %s", person.session)
    assert refresh(api, person.refresh).status == 401


def test_the_absolute_end_of_a_session_never_moves(api, stack, person):
    """Rows RT6, SE2."""
    def ends():
        return stack.sql("select absolute_expires_at, expires_at <="
                         " absolute_expires_at from sessions where id = %s",
                         person.session)[0]
    before = ends()
    refresh(api, person.refresh)
    assert ends() == before and before[1]


def test_a_deactivated_user_is_out_at_once(api, stack, person):
    """Rows SE3, RT7, RB8."""
    assert person.api.get("/auth/me").status == 200  # the cache is warm
    stack.ctl("user", "deactivate", person.email)
    assert person.api.get("/auth/me").status == 401
    assert refresh(api, person.refresh).status == 401
    stack.ctl("user", "activate", person.email)
    assert person.api.get("/auth/me").status == 401  # row RT9
    assert refresh(api, person.refresh).status == 401
    assert person.try_login().status == 200


def test_a_changed_role_holds_on_the_next_request(api, stack, person):
    """Row RB8."""
    assert person.api.get("/auth/me").data["role"] == "user"
    stack.ctl("user", "set-role", person.email, "admin")
    me = person.api.get("/auth/me").data
    assert me["role"] == "admin" and "users.read" in me["permissions"]
    assert "roles.write" not in me["permissions"]


def test_logout_kills_the_tokens_of_the_session(api, person):
    """Row SE3."""
    other = person.another_session()
    assert person.api.get("/auth/me").status == 200
    assert person.api.post("/auth/logout").status == 200
    assert api.check(person.access) == 401
    assert refresh(api, person.refresh).status == 401
    assert api.check(other.access) == 200
    assert person.api.post("/auth/logout").status == 401


@pytest.mark.parametrize("scope, mine, others", [
    ("this", 401, 200), ("others", 200, 401), ("all", 401, 401),
])
def test_logout_has_three_scopes(api, person, scope, mine, others):
    other = person.another_session()
    answer = person.api.post("/auth/logout", {
        "scope": scope, "refreshToken": person.refresh})
    assert answer.status == 200
    assert (api.check(person.access), api.check(other.access)) == (
        mine, others)
    assert refresh(api, person.refresh).status == mine
    assert refresh(api, other.refresh).status == others


def test_an_unknown_scope_is_named(person):
    answer = person.api.post("/auth/logout", {"scope": "everything"})
    assert (answer.status, answer.fields) == (422, ["scope"])


def test_logout_holds_on_every_worker(api):
    """Row SE3: whichever process answers, and however often."""
    people = [api.new_person() for _ in range(6)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for person in people:
            warm = [pool.submit(api.check, person.access) for _ in range(8)]
            assert {f.result() for f in warm} == {200}
            person.api.post("/auth/logout")
            after = [pool.submit(api.check, person.access)
                     for _ in range(16)]
            assert {f.result() for f in after} == {401}


def test_sessions_are_listed_with_what_they_are(api, person):
    """Row SE4."""
    other = person.another_session()
    answer = person.api.get("/auth/sessions", User_Agent="tests")
    assert answer.status == 200
    assert answer.json["pagination"] == {"page": 1, "limit": 20, "total": 2,
                                         "totalPages": 1}
    by_id = {s["id"]: s for s in answer.data}
    assert set(by_id) == {person.session, other.session}
    assert by_id[person.session]["current"] is True
    assert by_id[other.session]["current"] is False
    for entry in answer.data:
        assert set(entry) == {
            "id", "numeric_id", "ip_address", "user_agent", "created_at",
            "last_accessed", "expires_at", "is_active", "current"}
        assert entry["ip_address"] == "127.0.0.1"
    assert "token" not in answer.body.decode()


@pytest.mark.parametrize("name", ["id", "numeric_id"])
def test_one_session_ends_by_either_id(api, person, name):
    other = person.another_session()
    entry = next(s for s in person.api.get("/auth/sessions").data
                 if not s["current"])
    path = f"/auth/sessions/{entry[name]}"
    assert person.api.delete(path).status == 200
    assert api.check(other.access) == 401
    assert person.api.delete(path).status == 404
    assert person.api.get("/auth/me").status == 200


def test_nobody_ends_the_session_of_another(api, person):
    stranger = api.new_person()
    entry = stranger.api.get("/auth/sessions").data[0]
    for name in ("id", "numeric_id"):
        answer = person.api.delete(f"/auth/sessions/{entry[name]}")
        assert answer.status == 404
    for bad in ("x", "0", "-1", "99999999999999999999", "a%00b", "'"):
        assert person.api.delete("/auth/sessions/" + bad).status in (400,
                                                                     404)
    assert stranger.api.get("/auth/me").status == 200


def test_all_other_sessions_end_at_once(api, person):
    others = [person.another_session() for _ in range(2)]
    assert person.api.delete("/auth/sessions").status == 200
    assert [api.check(o.access) for o in others] == [401, 401]
    assert [s["current"] for s in person.api.get("/auth/sessions").data
            ] == [True]


def test_a_forged_cache_entry_lets_nobody_in(api, stack, person):
    """Row SE8: an ended session's entry is no session."""
    cache = stack.cache()

    def entry_made():
        """Right after a flush nothing is kept there."""
        assert person.api.get("/auth/me").status == 200
        return cache.get("session:" + person.session)
    entry = until(entry_made)
    for junk in (b"", b"S1", b"S1\xff\xff\xff", entry[:-3], entry + b"x",
                 b"{}"):
        cache.set("session:" + person.session, junk, ex=5)
        answer = person.api.get("/auth/me")
        assert answer.status == 200 and answer.data["id"] == person.id


class TestWhoWritesToTheSameRedis:
    """Row SE8: what Redis says can only ever cost a look-up."""

    @staticmethod
    def entry(stack, person):
        """The entry of his session, once there is one."""
        def made():
            assert person.api.get("/auth/me").status == 200
            return stack.cache().get("session:" + person.session)
        return until(made, "an entry")

    def test_raises_no_roles(self, stack, person):
        entry = self.entry(stack, person)
        assert b"user" in entry
        for _ in range(5):
            stack.cache().set("session:" + person.session, entry.replace(
                b"user", b"root"), ex=5)
            assert person.api.get("/auth/me").data["roles"] == ["user"]

    def test_makes_nobody_another(self, api, stack, person):
        other = api.new_person()
        theirs = self.entry(stack, other)
        for _ in range(5):
            stack.cache().set("session:" + person.session, theirs, ex=5)
            assert person.api.get("/auth/me").data["id"] == person.id

    def test_brings_nobody_back_who_logged_out(self, api, stack, person):
        cache, name = stack.cache(), "session:" + person.session
        entry = self.entry(stack, person)
        assert person.api.post("/auth/logout").status == 200
        for _ in range(50):
            for mark in cache.scan_iter("stale:*"):
                cache.delete(mark)
            cache.set(name, entry, ex=5)
            assert api.check(person.access) == 401


def test_a_session_ended_stays_ended(api, stack, person):
    """Row RT9: flushed Redis, restarted processes."""
    person.api.post("/auth/logout")
    stack.cache().flushdb()
    assert api.check(person.access) == 401
    settings = stack.settings
    stack.up(dict(settings, LOG_LEVEL="debug"))
    assert api.check(person.access) == 401
    assert refresh(api, person.refresh).status == 401
    stack.up(settings)


def test_a_flushed_cache_logs_nobody_out(api, stack, person):
    """Row SE8."""
    stack.cache().flushdb()
    assert person.api.get("/auth/me").status == 200


def test_no_more_than_fifty_sessions(api, stack, person):
    """Row SE5: the oldest ends."""
    stack.sql("insert into sessions (id, user_id, created_at, expires_at,"
              " absolute_expires_at) select gen_random_uuid(), %s, now() -"
              " interval '1 minute', now() + interval '1 day', now() +"
              " interval '1 day' from generate_series(1, 49)", person.id)
    stack.sql("update sessions set created_at = now() - interval '1 hour'"
              " where id = %s", person.session)
    person.login()
    assert stack.sql("select count(*) from sessions where user_id = %s and"
                     " ended_at is null", person.id) == [(50,)]
    assert person.api.get("/auth/sessions").json["pagination"]["total"] == 50


def test_every_end_of_a_session_is_audited(api, stack, person):
    """Row LO2."""
    other = person.another_session()
    person.api.delete("/auth/sessions/" + other.session)
    person.api.post("/auth/logout")
    actions = [a for a, in stack.sql(
        "select action from audit_logs where user_id = %s order by id",
        person.id)]
    assert actions == ["auth.register", "auth.login", "session.end",
                       "auth.logout"]


@pytest.mark.stack(REFRESH_REUSE_REVOKES="user")
def test_reuse_can_end_all_sessions_of_the_user(api, person):
    """Row RT4, by refresh.reuse_revokes."""
    other = person.another_session()
    refresh(api, person.refresh)
    assert refresh(api, person.refresh).status == 401
    assert api.check(other.access) == 401
    assert refresh(api, other.refresh).status == 401


@pytest.mark.stack(REFRESH_GRACE_SECONDS="10")
class TestGrace:
    def test_the_predecessor_gives_the_unused_successor(self, api, person):
        """Row RT3."""
        first = refresh(api, person.refresh).data["refresh_token"]
        assert refresh(api, person.refresh).data["refresh_token"] == first

    def test_but_not_once_that_was_used(self, api, person):
        first = refresh(api, person.refresh).data["refresh_token"]
        second = refresh(api, first).data["refresh_token"]
        assert refresh(api, person.refresh).status == 401
        assert refresh(api, second).status == 401

    def test_nor_after_the_time(self, api, stack, person):
        refresh(api, person.refresh)
        stack.sql("update sessions set rotated_at = rotated_at - interval"
                  " '11 seconds' where id = %s", person.session)
        assert refresh(api, person.refresh).status == 401


@pytest.mark.stack(JWT_ACCESS_TOKEN_TTL="2")
def test_an_access_token_ends_by_itself(api, person):
    assert person.registered.data["expires_in"] == 2
    # 60 s of skew are for clocks of others (row JW7), not for our own.
    until(lambda: api.check(person.access) == 401, seconds=70)
    assert refresh(api, person.refresh).status == 200
