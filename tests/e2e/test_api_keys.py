"""API keys and what they open."""
import datetime
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from staff import staff
from test_metrics import metrics
from test_races import at_once
from until import until

RECORD = {
    "id", "name", "key_id", "scopes", "rate_limit", "allowed_ips",
    "is_active", "usage_count", "last_used_at", "expires_at", "created_at",
}


def make(person, **change):
    answer = person.api.post("/api-keys", dict(
        {"name": "tests", "scopes": ["user:read"]}, **change))
    assert answer.status == 201, answer
    return answer.data


def use(api, key, path="/auth/me"):
    return api.get(path, X_API_Key=key)


def test_a_key_is_shown_once_and_opens_its_scope(api, person):
    """Row AK2."""
    made = make(person)
    assert set(made) == RECORD | {"api_key"}
    assert made["api_key"].startswith("hr_")
    assert made["rate_limit"] == 1000 and made["usage_count"] == 0
    for headers in ({"X_API_Key": made["api_key"]},
                    {"Authorization": "Bearer " + made["api_key"]}):
        answer = api.get("/auth/me", **headers)
        assert answer.status == 200 and answer.data["id"] == person.id
    for path in ("/api-keys", "/api-keys/" + made["id"]):
        answer = person.api.get(path)
        assert answer.status == 200
        assert made["api_key"] not in answer.body.decode()
    assert set(answer.data) == RECORD
    assert answer.data["usage_count"] >= 1 and answer.data["last_used_at"]


def test_both_spellings_of_a_wish_work(api, person):
    made = make(person, rateLimit=5000, expiresAt="2999-01-01T00:00:00Z",
                allowedIps=["127.0.0.1", "10.0.0.0/8", "::1"])
    assert made["rate_limit"] == 5000
    assert made["expires_at"].startswith("2999-01-01")
    assert made["allowed_ips"] == ["127.0.0.1", "10.0.0.0/8", "::1"]
    made = make(person, scopes=["reviews.read", "hotels.read"])
    assert made["scopes"] == ["reviews.read", "hotels.read"]


@pytest.mark.parametrize("field, value", [
    ("name", None), ("name", ""), ("name", "x" * 101), ("name", 5),
    ("scopes", None), ("scopes", []), ("scopes", "user:read"),
    ("scopes", ["a b"]), ("scopes", ["a,b"]), ("scopes", [5]),
    ("scopes", ["x" * 65]), ("scopes", ["a"] * 51),
    ("rate_limit", 0), ("rate_limit", -1), ("rate_limit", "many"),
    ("rate_limit", 1.5), ("rate_limit", 10 ** 9),
    ("expires_at", "2020-01-01T00:00:00Z"), ("expires_at", "soon"),
    ("allowed_ips", ["300.1.1.1"]), ("allowed_ips", ["10.0.0.0/33"]),
    ("allowed_ips", "127.0.0.1"),
])
def test_a_bad_field_is_named(person, field, value):
    body = {"name": "tests", "scopes": ["user:read"], field: value}
    if value is None:
        del body[field]
    answer = person.api.post("/api-keys", body)
    assert (answer.status, answer.fields) == (422, [field])


def test_a_key_lives_a_year_at_most_unless_told(person):
    """Row AK8."""
    expires = datetime.datetime.fromisoformat(
        make(person)["expires_at"].replace("Z", "+00:00"))
    left = expires - datetime.datetime.now(datetime.timezone.utc)
    assert 360 < left.days < 367


def test_a_scope_opens_nothing_else(api, person):
    key = make(person, scopes=["2fa:read"])["api_key"]
    answer = use(api, key)
    assert (answer.status, answer.code) == (403, "INSUFFICIENT_SCOPE")
    assert "insufficient_scope" in answer.headers["WWW-Authenticate"]
    star = make(person, scopes=["*"])["api_key"]
    assert use(api, star).status == 200


def test_a_key_is_no_session(api, person):
    """Row AK5: a key makes no keys and changes no account."""
    key = make(person, scopes=["*"])["api_key"]
    for method, path, body in (
            ("POST", "/api-keys", {"name": "x", "scopes": ["*"]}),
            ("GET", "/api-keys", None), ("GET", "/auth/sessions", None),
            ("DELETE", "/auth/sessions", None),
            ("PUT", "/auth/me", {"first_name": "X"}),
            ("POST", "/auth/logout", None),
            ("POST", "/auth/change-password", {
                "old_password": person.password,
                "new_password": "Bb2-another-one-"})):
        for headers in ({"X-API-Key": key},
                        {"Authorization": "Bearer " + key}):
            answer = api.send(method, path, body, headers)
            assert (answer.status, answer.code) == (
                401, "TOKEN_INVALID"), (method, path)


def test_two_credentials_are_a_mistake(api, person):
    """Rows AK3, JW11."""
    one, two = make(person)["api_key"], make(person)["api_key"]
    for bearer in (person.access, two):
        answer = api.get("/auth/me", X_API_Key=one,
                         Authorization="Bearer " + bearer)
        assert (answer.status, answer.code) == (400, "BAD_REQUEST")
    assert api.get("/auth/me", X_API_Key=one, Authorization="Bearer " + one
                   ).status == 200


def test_a_key_in_the_query_is_nothing(api, person):
    """Rows AK3, SE7."""
    key = make(person)["api_key"]
    for query in ("api_key=" + key, "access_token=" + person.access,
                  "token=" + person.access, "X-API-Key=" + key):
        assert api.get("/auth/me?" + query).status == 401


def test_a_damaged_key_is_refused(api, person):
    """Row AK1."""
    key = make(person)["api_key"]
    flip = "A" if key[-10] != "A" else "B"
    for bad in (key[:-1], key + "A", key[:-10] + flip + key[-9:],
                key.swapcase(), "hr_", "hr_x", key.replace("hr_", "xx_")):
        answer = use(api, bad)
        assert (answer.status, answer.code) == (401, "TOKEN_INVALID"), bad


def test_networks_bound_a_key(api, person):
    inside = make(person, allowed_ips=["127.0.0.0/8"])["api_key"]
    outside = make(person, allowed_ips=["10.1.2.3"])["api_key"]
    assert use(api, inside).status == 200
    # A proxy here that is not trusted would let everybody in as this host.
    assert api.get("/auth/me", X_API_Key=inside,
                   X_Forwarded_For="203.0.113.9").status == 403
    answer = api.get("/auth/me", X_API_Key=outside,
                     X_Forwarded_For="10.1.2.3")
    assert (answer.status, answer.code) == (403, "NETWORK_NOT_ALLOWED")


def test_a_key_ends_with_its_time_its_owner_and_its_revocation(api, stack):
    """Row AK4."""
    person = api.new_person()
    keys = [make(person) for _ in range(3)]
    expired, revoked, orphan = keys
    assert [use(api, k["api_key"]).status for k in keys] == [200] * 3
    stack.sql("update api_keys set expires_at = now() where id = %s",
              expired["id"])
    assert use(api, expired["api_key"]).status == 401
    assert person.api.delete("/api-keys/" + revoked["id"]).status == 200
    assert use(api, revoked["api_key"]).status == 401
    assert person.api.delete("/api-keys/" + revoked["id"]).status == 404
    assert person.api.get("/api-keys/" + revoked["id"]).status == 404
    assert use(api, orphan["api_key"]).status == 200
    stack.ctl("user", "deactivate", person.email)
    assert use(api, orphan["api_key"]).status == 401


# Each state of an owner in which he could not log in.
RESTS = {
    "deactivated": ("is_active = false", "is_active = true"),
    "must reset": ("must_reset_password = true",
                   "must_reset_password = false"),
    "to be erased": ("erase_at = now() + interval '7 days'",
                     "erase_at = null"),
}
# Each door at which a key is taken: by header alone, as the factor's, as the
# only one.
DOORS = [("GET", "/auth/me", None), ("GET", "/2fa/methods", None),
         ("GET", "/service/status", None), ("GET", "/webhooks", None),
         ("POST", "/auth/introspect", {"token": "x"}),
         ("POST", "/2fa/verify", {"user_id": "nobody", "code": "123456"}),
         ("POST", "/auth/check-permission",
          {"resource": "users", "action": "read"})]


@pytest.mark.parametrize("state", RESTS)
def test_a_key_rests_while_its_owner_could_not_log_in(api, stack, person,
                                                      state):
    """Row AK4, at every door, and works again when he may again."""
    key = make(person, scopes=["*"])["api_key"]
    begin, end = RESTS[state]

    def statuses():
        return [api.send(*door, {"X-API-Key": key}).status for door in DOORS]
    before = statuses()
    assert 401 not in before
    stack.sql(f"update users set {begin} where id = %s", person.id)
    assert statuses() == [401] * len(DOORS)
    stack.sql(f"update users set {end} where id = %s", person.id)
    assert statuses() == before


# What ends a key in each of its ways.
ENDS = {name: "update users set %s where id = %%s" % begin
        for name, (begin, _) in RESTS.items()}
ENDS["over"] = "update api_keys set expires_at = now() where user_id = %s"
ENDS["revoked"] = "update api_keys set is_active = false where user_id = %s"
LASTING = [("POST", "/webhooks", {"url": "https://example.com/",
                                  "events": ["*"]}),
           ("POST", "/2fa/setup", {"user_id": "user-123"})]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("request_", LASTING, ids=["webhook", "factor"])
def test_a_key_that_ends_meanwhile_leaves_nothing(api, stack, person, end,
                                                  request_):
    """Row AK4: a request that was let in before is judged again when it
    writes."""
    key = make(person, scopes=["*"])["api_key"]
    other = psycopg2.connect(stack["DATABASE_OWNER_URL"])
    with ThreadPoolExecutor() as pool:
        cursor = other.cursor()
        cursor.execute("select from users where id = %s for no key update",
                       [person.id])
        cursor.execute(ENDS[end], [person.id])
        made = pool.submit(api.send, *request_, {"X-API-Key": key})
        until(lambda: made.done() or stack.sql(
            "select 1 from pg_locks where not granted"))
        other.commit()
        assert made.result().status == 401, made.result()
    other.close()
    assert stack.sql("select (select count(*) from webhooks where user_id ="
                     " u.id) + (select count(*) from factors f join subjects"
                     " s on s.id = f.subject_id where s.owner_id = u.id)"
                     " from users u where id = %s", person.id) == [(0,)]


def test_what_stops_an_owner_stops_his_keys(api, stack, person):
    """Row AK4: by the routes that do it."""
    key = make(person)["api_key"]
    admin = staff(stack, "admin")
    assert person.api.send("DELETE", "/auth/me", {
        "password": person.password}).status in (200, 202)
    assert use(api, key).status == 401
    person.login()  # he stays
    assert use(api, key).status == 200
    assert admin.api.post(f"/admin/users/{person.id}/require-password-reset",
                          {}).status == 200
    assert use(api, key).status == 401


def test_wrong_passwords_of_strangers_stop_no_key(api, person):
    key = make(person)["api_key"]
    for _ in range(6):
        status = person.try_login("wrong").status
    assert status == 423
    assert use(api, key).status == 200


def test_a_chosen_rate_is_capped(stack, person):
    """Row AK9: a key of before too."""
    made = make(person, rate_limit=1000000)
    assert made["rate_limit"] == 10000
    stack.sql("update api_keys set rate_limit = 1000000 where id = %s",
              made["id"])
    assert person.api.get("/api-keys/" + made["id"]).data[
        "rate_limit"] == 10000


def test_fifty_keys_are_as_many_as_one_may_have(stack, person):
    made = [make(person, name=f"k{i}")["id"] for i in range(50)]
    more = person.api.post("/api-keys", {"name": "x", "scopes": ["x"]})
    assert (more.status, more.fields) == (422, ["name"])
    assert "50 API keys" in more.json["errors"][0]["message"]
    assert person.api.delete("/api-keys/" + made[0]).status == 200
    assert person.api.post("/api-keys", {"name": "x", "scopes": ["x"]}
                           ).status == 201
    # Those that were revoked do not pile up either.
    stack.sql("insert into api_keys (id, key_id, user_id, name, secret_hash,"
              " is_active) select gen_random_uuid(), gen_random_uuid(), %s,"
              " 'old', '', false from generate_series(1, 200)", person.id)
    assert person.api.delete("/api-keys/" + made[1]).status == 200
    make(person)
    assert stack.sql("select count(*) from api_keys where user_id = %s and"
                     " not is_active", person.id)[0][0] <= 51


def test_two_at_once_are_not_one_key_too_many(stack, person):
    for i in range(48):
        make(person, name=f"k{i}")
    answers = at_once(person.api, "/api-keys", [
        {"name": "x", "scopes": ["x"]}] * 8)
    assert sorted(status for status, _ in answers) == [201] * 2 + [422] * 6


@pytest.mark.parametrize("path, table, owner, most, body", [
    ("/webhooks", "webhooks", "user_id", 20,
     lambda i: {"url": f"https://example.com/{i}", "events": ["*"]}),
    ("/2fa/setup", "subjects", "owner_id", 10000,
     lambda i: {"user_id": f"user-{i}"}),
], ids=["webhooks", "users"])
def test_nor_are_many_by_key_at_once(api, stack, person, path, table, owner,
                                     most, body):
    """Row TO13 for users with factors."""
    key = make(person, scopes=["*"])["api_key"]
    filler = {
        "webhooks": "insert into webhooks (id, user_id, url, events, secret)"
        " select gen_random_uuid(), %s, 'https://example.com/', '{*}', ''",
        "subjects": "insert into subjects (id, owner_id, name) select"
        " gen_random_uuid(), %s, 'n' || n"}[table]
    stack.sql(f"{filler} from generate_series(2, {most}) n", person.id)
    answers = at_once(api, path, [body(i) for i in range(30)], X_API_Key=key)
    refused = [status for status, _ in answers if status == 422]
    assert len(refused) == 29, answers
    assert stack.sql(f"select count(*) from {table} where {owner} = %s",
                     person.id) == [(most,)]


def test_an_owner_has_so_many_users_with_factors(api, stack, person):
    """Row TO13: two_factor.max_subjects."""
    key = make(person, scopes=["2fa:write"])["api_key"]

    def setup(name):
        return api.post("/auth/2fa/setup", {"user_id": name}, X_API_Key=key)
    assert setup("one").status == 200
    stack.sql("insert into subjects (id, owner_id, name) select"
              " gen_random_uuid(), %s, 'n' || n from generate_series(2, 10000)"
              " n", person.id)
    more = setup("more")
    assert (more.status, more.fields) == (422, ["user_id"])
    assert "10000" in more.json["errors"][0]["message"]
    assert setup("one").status == 200  # who is there already


def test_rotation_keeps_the_old_key_for_the_overlap(api, stack, person):
    """Row AK7."""
    made = make(person)
    path = f"/api-keys/{made['id']}/rotate"
    new = person.api.post(path, {"overlap": "1h"})
    assert new.status == 200
    assert new.data["api_key"] != made["api_key"]
    for key in (made["api_key"], new.data["api_key"]):
        assert use(api, key).status == 200
    stack.sql("update api_keys set previous_until = now() where id = %s",
              made["id"])
    assert use(api, made["api_key"]).status == 401
    last = person.api.post(path, {"overlap": 0}).data["api_key"]
    assert use(api, new.data["api_key"]).status == 401
    assert use(api, last).status == 200
    for bad in ("73h", -1, "soon", 259201):
        answer = person.api.post(path, {"overlap": bad})
        assert (answer.status, answer.fields) == (422, ["overlap"])


def test_keys_of_others_do_not_exist(api, person):
    """Row AK9."""
    made = make(person)
    stranger = api.new_person()
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/rotate")):
        answer = stranger.api.send(
            method, f"/api-keys/{made['id']}{path}", {} if path else None)
        assert answer.status == 404
    assert stranger.api.get("/api-keys").data == []
    assert use(api, made["api_key"]).status == 200


def test_keys_are_listed_by_pages(person):
    made = [make(person, name=f"k{i}")["name"] for i in range(5)]
    answer = person.api.get("/api-keys?limit=2&page=2")
    assert [k["name"] for k in answer.data] == made[::-1][2:4]
    assert answer.json["pagination"] == {"page": 2, "limit": 2, "total": 5,
                                         "totalPages": 3}


def test_the_database_holds_no_key(stack, person):
    """Row AK2."""
    key = make(person)["api_key"]
    dump = str(stack.sql("select t::text from api_keys t"))
    assert key not in dump and key.split("_")[2] not in dump


def test_a_key_and_its_owner_are_audited(stack, person):
    made = make(person)
    person.api.post(f"/api-keys/{made['id']}/rotate", {})
    person.api.delete("/api-keys/" + made["id"])
    assert [a for a, in stack.sql(
        "select action from audit_logs where user_id = %s and resource ="
        " 'api_keys' order by id", person.id)] == [
            "apikey.create", "apikey.rotate", "apikey.revoke"]


@pytest.fixture
def reader(api):
    """A key that may introspect."""
    key = make(api.new_person(), scopes=["tokens:read"])["api_key"]
    return lambda token: api.post("/auth/introspect", {"token": token},
                                  X_API_Key=key)


def test_introspection_answers_the_bare_object(reader, person):
    """Row JW9; RFC 7662, 2.2."""
    answer = reader(person.access)
    assert answer.status == 200
    told = answer.json
    assert told["active"] is True
    assert told["sub"] == person.id and told["sid"] == person.session
    assert told["username"] == person.username
    assert told["token_type"] == "access_token"
    assert told["exp"] - told["iat"] == 900
    told = reader(person.refresh).json
    assert told["active"] is True
    assert told["token_type"] == "refresh_token"
    assert told["sub"] == person.id


def test_what_is_not_alive_is_inactive_and_no_more(api, stack, reader,
                                                   person):
    """Row JW9."""
    other = person.another_session()
    api.post("/auth/refresh", {"refresh_token": other.refresh})
    gone = api.new_person()
    gone.api.post("/auth/logout")
    off = api.new_person()
    stack.ctl("user", "deactivate", off.email)
    for token in ("x", person.access[:-2], other.refresh, gone.access,
                  gone.refresh, off.access, off.refresh, "prt_x",
                  person.session):
        answer = reader(token)
        assert (answer.status, answer.json) == (200, {"active": False})
    assert reader(person.access).json["active"] is True


def test_introspection_wants_a_key_of_the_scope(api, person):
    body = {"token": person.access}
    assert api.post("/auth/introspect", body).status == 401
    assert person.api.post("/auth/introspect", body).status == 401
    key = make(person)["api_key"]
    answer = api.post("/auth/introspect", body, X_API_Key=key)
    assert (answer.status, answer.code) == (403, "INSUFFICIENT_SCOPE")


def test_every_use_is_counted_soon(api, person):
    """Row AK8; without a write for each."""
    made = make(person)
    for _ in range(7):
        assert api.get("/auth/me", X_API_Key=made["api_key"]).status == 200
    until(lambda: person.api.get("/api-keys/" + made["id"]).data[
        "usage_count"] == 7, "seven uses")


def test_many_keys_in_turn_are_no_write_per_call(stack, api, person):
    """And none of their uses is lost when the service ends (SIGTERM)."""
    keys = [make(person)["api_key"] for _ in range(8)]

    def writes():
        return stack.sql("select pg_stat_get_tuples_updated("
                         "'api_keys'::regclass)")[0][0]
    for key in keys:  # the first use of each shows at once
        assert use(api, key).status == 200
    until(lambda: sum(k["usage_count"] for k in person.api.get(
        "/api-keys").data) == 8, "first uses")
    before = writes()
    for _ in range(25):
        for key in keys:
            assert use(api, key).status == 200
    stack.dev("stop-service", "master")
    try:
        assert stack.sql("select usage_count from api_keys where user_id ="
                         " %s", person.id) == [(26,)] * 8
    finally:
        stack.dev("start-service", "master")
    until(lambda: writes() > before, "statistics of Postgres")
    assert writes() - before < 200 / 2
    until(lambda: api.root("GET", "/health/live").status == 200, "back")


def test_an_administrator_makes_keys_with_a_recent_proof(stack, person):
    """Row RB7: what outlives his session."""
    for actor, status in ((person, 201), (staff(stack, "admin"), 403)):
        made = make(actor)
        stack.age_proof(actor, 11)
        answer = actor.api.post("/api-keys", {"name": "x", "scopes": ["x"]})
        assert answer.status == status, answer
        turned = actor.api.post(f"/api-keys/{made['id']}/rotate", {})
        assert turned.status == (200 if status == 201 else 403)
        if status == 403:
            assert answer.code == turned.code == "REAUTH_REQUIRED"
            assert actor.login().api.post("/api-keys", {
                "name": "x", "scopes": ["x"]}).status == 201


def test_a_key_that_is_refused_is_audited_once_an_hour(api, stack, person):
    """Row LO2, and whoever has an old key does not fill the log."""
    elsewhere = make(person, allowed_ips=["10.1.2.3"])
    over = make(person)
    person.api.delete("/api-keys/" + over["id"])
    turned = make(person)
    person.api.post(f"/api-keys/{turned['id']}/rotate", {"overlap": 0})
    for _ in range(3):
        for key in (elsewhere, over, turned):
            assert use(api, key["api_key"]).status in (401, 403)
    assert stack.sql("select reason from audit_logs where user_id = %s and"
                     " action = 'apikey.refused' and result = 'failure'"
                     " order by 1", person.id) == [
                         ("ended",), ("network",), ("secret",)]


def test_damaged_keys_are_told_of_once_a_minute_and_network(stack, api,
                                                            person):
    """Row LO2: gathered, and none of them reaches the database."""
    key = make(person)["api_key"]
    flip = "A" if key[-1] != "A" else "B"
    for n in range(60):
        bad = key[:-1] + flip
        status = use(api, bad).status if n % 2 else api.get(
            "/auth/me", Authorization="Bearer " + bad).status
        assert status == 401
    rows = stack.sql("select user_id, ip_address from audit_logs where action"
                     " = 'apikey.refused' and reason = 'checksum' and"
                     " created_at > now() - interval '100 seconds'")
    assert 1 <= len(rows) <= 2
    assert set(rows) == {(None, "127.0.0.1")}


def test_one_wrong_secret_over_and_over_costs_a_look_up_each(stack, api,
                                                            person):
    """Not the writing of it besides."""
    made = make(person)
    person.api.post(f"/api-keys/{made['id']}/rotate", {"overlap": 0})
    before = metrics(stack)["db_query_duration_seconds_count"]
    for _ in range(60):
        assert use(api, made["api_key"]).status == 401
    told = metrics(stack)["db_query_duration_seconds_count"] - before
    assert told < 60 + 40


def test_a_damaged_key_costs_no_look_up(stack, api, person):
    """Row AK1: the checksum alone refuses it."""
    key = make(person)["api_key"]

    def queries(ask, n):
        before = metrics(stack)["db_query_duration_seconds_count"]
        for _ in range(n):
            ask()
        return metrics(stack)["db_query_duration_seconds_count"] - before
    # Asking for the metrics costs a few, and what others do meanwhile.
    assert queries(lambda: use(api, key), 50) >= 50
    assert queries(lambda: use(api, key[:-1] + "~"), 50) < 25
    flip = "A" if key[-1] != "A" else "B"
    assert queries(lambda: use(api, key[:-1] + flip), 50) < 25
