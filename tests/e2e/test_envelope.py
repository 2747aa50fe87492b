"""The shape of every answer: envelope, dialects, names, pages, replays."""
import re
import secrets

import pytest

import staff

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-"
                   r"[0-9a-f]{12}$")


def keys_of(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)


def test_a_success_has_the_envelope(api, person):
    answer = person.api.get("/auth/me")
    assert set(answer.json) == {"success", "message", "data", "meta"}
    assert answer.json["success"] is True
    meta = answer.json["meta"]
    assert set(meta) == {"timestamp", "version", "requestId"}
    assert ISO.match(meta["timestamp"]) and meta["version"] == "v1"
    assert meta["requestId"] == answer.headers["X-Request-Id"]
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("status, method, path, body", [
    (400, "POST", "/auth/login", "{"),
    (401, "GET", "/auth/me", None),
    (404, "GET", "/nothing", None),
    (405, "PUT", "/auth/login", {}),
    (413, "POST", "/auth/login", '{"a":"' + "x" * 70000 + '"}'),
    (422, "POST", "/auth/login", {}),
])
@pytest.mark.parametrize("mount", ["/api/v1", "/api"])
def test_an_error_has_the_envelope(api, mount, status, method, path, body):
    answer = api.of(mount=mount).send(method, path, body)
    assert answer.status == status
    got = answer.json
    assert set(got) - {"errors"} == {"success", "error", "message", "code",
                                     "meta"}
    assert got["success"] is False
    assert isinstance(got["error"], str) and isinstance(got["message"], str)
    assert re.fullmatch(r"[A-Z_]+", got["code"])
    assert ("errors" in got) == (status == 422)
    assert got["meta"]["requestId"] == answer.headers["X-Request-Id"]


def test_v1_speaks_snake_case(api, person):
    for answer in (person.registered, person.try_login(),
                   person.api.get("/auth/me"),
                   person.api.get("/auth/sessions")):
        names = set(keys_of(answer.data))
        assert not [n for n in names if re.search("[A-Z]", n)]
        assert set(answer.json) <= {"success", "message", "data", "meta",
                                    "pagination"}


def test_api_speaks_both_and_hoists(api, person):
    answer = person.anonymous.of(mount="/api").post("/auth/login", {
        "emailOrUsername": person.username, "password": person.password})
    got, data = answer.json, answer.data
    for snake, camel in (("access_token", "accessToken"),
                         ("refresh_token", "refreshToken"),
                         ("expires_in", "expiresIn"),
                         ("session_id", "sessionId")):
        assert data[snake] == data[camel] == got[snake] == got[camel]
    assert got["user"] == data["user"]
    assert data["user"]["isVerified"] is data["user"]["is_verified"] is False
    assert data["user"]["numericId"] == data["user"]["numeric_id"]
    assert got["message"] == "login successful" and got["success"] is True
    assert got["meta"]["version"] == "v1"


def test_arrays_stay_in_data(api, person):
    answer = person.api.of(person.access, "/api").get("/auth/sessions")
    assert isinstance(answer.data, list)
    assert set(answer.json) == {"success", "message", "data", "meta",
                                "pagination"}
    assert answer.data[0]["ipAddress"] == answer.data[0]["ip_address"]


@pytest.mark.parametrize("mount", ["/api/v1", "/api"])
def test_input_is_read_in_either_case(api, mount):
    person = api.of(mount=mount).new_person(firstName="Ada", last_name="L")
    assert person.registered.data["user"]["first_name"] == "Ada"
    answer = api.of(mount=mount).post("/auth/refresh", {
        "refreshToken": person.refresh})
    assert answer.status == 200


def test_one_field_under_two_names_must_agree(api, person):
    def login(**names):
        return api.post("/auth/login", dict(names,
                                            password=person.password))
    assert login(email=person.email, identifier=person.email).status == 200
    answer = login(email=person.email, username=person.username)
    assert (answer.status, answer.fields) == (422, ["identifier"])


def test_a_request_id_is_kept_if_it_is_one(api):
    for good in ("abc-123_x.y", "A" * 64):
        answer = api.get("/info", X_Request_Id=good)
        assert answer.headers["X-Request-Id"] == good
        assert answer.json["meta"]["requestId"] == good
    for bad in ("A" * 65, "a b", 'a"b', "a\tb", "é"):
        answer = api.get("/info", X_Request_Id=bad.encode("latin-1"))
        assert UUID7.match(answer.headers["X-Request-Id"])


def test_ids_are_time_ordered_with_a_number_beside(api, person):
    user = person.registered.data["user"]
    assert UUID7.match(user["id"]) and UUID7.match(person.session)
    assert isinstance(user["numeric_id"], int)


@pytest.fixture
def listed(person):
    """Somebody with five sessions, and a way to ask for a page."""
    for _ in range(4):
        person.another_session()
    return lambda query: person.api.get("/auth/sessions" + query)


@pytest.mark.parametrize("query, page, limit, shown", [
    ("", 1, 20, 5), ("?limit=2", 1, 2, 2), ("?per_page=2&page=3", 3, 2, 1),
    ("?limit=2&skip=2", 2, 2, 2), ("?limit=2&offset=3", 2, 2, 2),
    ("?limit=100000", 1, 200, 5), ("?page=9", 9, 20, 0),
    ("?limit=2&skip=99", 50, 2, 0), ("?other=1", 1, 20, 5),
])
def test_lists_have_pages(listed, query, page, limit, shown):
    answer = listed(query)
    assert answer.status == 200
    assert len(answer.data) == shown
    assert answer.json["pagination"] == {
        "page": page, "limit": limit, "total": 5,
        "totalPages": -(-5 // limit)}


@pytest.mark.parametrize("query", [
    "limit=0", "limit=-1", "limit=x", "page=0", "page=-2", "page=1.5",
    "skip=-1", "offset=a", "limit=1&limit=2", "page=99999999999999999999",
    "page=%00", "limit=%zz",
])
def test_a_page_that_is_none_is_refused(person, query):
    answer = person.api.get("/auth/sessions?" + query)
    assert answer.status in (400, 200)
    if "9999" not in query:
        assert (answer.status, answer.code) == (400, "BAD_REQUEST")


def registration(api):
    import test_accounts
    return test_accounts.form()


@pytest.mark.parametrize("path", ["/auth/register", "/auth/signup"])
def test_a_replayed_registration_gets_the_same_answer(api, stack, path):
    """Row RE9."""
    body = registration(api)
    key = {"Idempotency_Key": "reg-" + body["username"]}
    first = api.post(path, body, **key)
    again = api.post(path, body, **key)
    assert first.status == again.status == 201
    assert again.body == first.body
    assert stack.sql("select count(*) from users where email = %s",
                     body["email"]) == [(1,)]
    other = api.post(path, dict(body, first_name="X"), **key)
    assert (other.status, other.code) == (409, "IDEMPOTENCY_CONFLICT")
    assert api.post(path, body).status == 409


def test_a_request_is_what_it_says_not_how_it_is_written(api, stack, person):
    texts = ['{"name":"once","scopes":["user:read"]}',
             '{ "scopes" : [ "user:read" ],\n  "name": "\\u006fnce" }']
    key = {"Idempotency_Key": "spelt"}
    first, again = (person.api.post("/api-keys", text, **key)
                    for text in texts)
    assert first.status == again.status == 201
    assert again.body == first.body
    other = person.api.post("/api-keys", texts[0].replace("once", "Once"),
                            **key)
    assert other.status == 409
    # An entry of the version before holds the bytes' own hash.
    stack.sql("update idempotency set request = sha256(%s)",
              texts[1].encode())
    assert person.api.post("/api-keys", texts[1], **key).body == first.body
    assert person.api.post("/api-keys", texts[0], **key).status == 409


def test_a_replayed_refusal_is_the_same_refusal(api, person):
    body = registration(api)
    key = {"Idempotency_Key": "no-" + body["username"]}
    taken = dict(body, email=person.email)
    assert api.post("/auth/register", taken, **key).status == 409
    again = api.post("/auth/register", taken, **key)
    assert (again.status, again.code) == (409, "EMAIL_TAKEN")


def test_a_replayed_key_is_one_key(api, person):
    body = {"name": "once", "scopes": ["user:read"]}
    one, two = (person.api.post("/api-keys", body, Idempotency_Key="k")
                for _ in range(2))
    assert one.status == two.status == 201 and one.body == two.body
    assert len(person.api.get("/api-keys").data) == 1
    other = person.api.post("/api-keys", dict(body, name="x"),
                            Idempotency_Key="k")
    assert other.status == 409


def test_a_replay_belongs_to_who_asked_first(api, person):
    body = {"name": "once", "scopes": ["user:read"]}
    mine = person.api.post("/api-keys", body, Idempotency_Key="same")
    stranger = api.new_person()
    theirs = stranger.api.post("/api-keys", body, Idempotency_Key="same")
    assert theirs.status == 201
    assert theirs.data["api_key"] != mine.data["api_key"]


def test_a_replay_needs_the_credential_again(api, person):
    body = {"name": "once", "scopes": ["user:read"]}
    person.api.post("/api-keys", body, Idempotency_Key="k")
    person.api.post("/auth/logout")
    assert person.api.post("/api-keys", body, Idempotency_Key="k"
                           ).status == 401


def test_replays_differ_by_route_and_end_with_their_day(api, stack):
    body = registration(api)
    key = "day-" + body["username"]
    api.post("/auth/register", body, Idempotency_Key=key)
    other = api.post("/auth/signup", body, Idempotency_Key=key)
    assert (other.status, other.code) == (409, "EMAIL_TAKEN")
    stack.sql("update idempotency set expires_at = now()")
    late = api.post("/auth/register", body, Idempotency_Key=key)
    assert (late.status, late.code) == (409, "EMAIL_TAKEN")


def forget_the_answer(stack):
    """As after "commit sent, answer lost": 503 was said, the rows are there."""
    stack.sql("update idempotency set status = null, answer = null,"
              " created_at = '-infinity'")


@pytest.mark.parametrize("verification", [
    "optional", pytest.param("required", marks=pytest.mark.stack(
        EMAIL_VERIFICATION="required"))])
def test_after_a_lost_answer_the_account_is_the_one_that_was_made(
        api, stack, inbox, verification):
    """Row RE8: nothing is made, mailed or written down a second time."""
    body = registration(api)
    key = {"Idempotency_Key": "lost-" + body["username"]}
    first = api.post("/auth/register", body, **key)
    forget_the_answer(stack)
    again = api.post("/auth/register", body, **key)
    assert (first.status, again.status) == (201, 201), again
    for answer in (first, again):
        answer.user = answer.data["user"]
        assert answer.user.pop("updated_at")
    assert again.user == first.user
    for name in ("session_id", "refresh_token"):
        assert again.data.get(name) == first.data.get(name)
    uid = first.user["id"]
    assert stack.sql("select count(*) from audit_logs where user_id = %s",
                     uid) == [(1,)]
    assert stack.sql("select count(*) from one_time where user_id = %s",
                     uid) == [(1,)]
    otp = inbox.otp(body["email"])
    assert api.post("/auth/verify-email", {
        "email": body["email"], "otp": otp}).status == 200
    inbox.wait(body["email"], "Welcome")
    assert len(inbox.of(body["email"])) == 2
    # Another request is told what there is.
    assert api.post("/auth/register", body).status == 409


def test_after_a_lost_answer_the_secret_nobody_saw_is_void(stack, person):
    """Row RE8."""
    key = {"Idempotency_Key": "lost"}
    for path, body, secret in (
            ("/api-keys", {"name": "k", "scopes": ["user:read"]}, "api_key"),
            ("/webhooks", {"url": "https://example.com/", "events": ["*"]},
             "secret")):
        first = person.api.post(path, body, **key)
        forget_the_answer(stack)
        again = person.api.post(path, body, **key)
        assert (first.status, again.status) == (201, 201), again
        assert again.data["id"] == first.data["id"]
        assert again.data[secret] != first.data[secret]
        assert len(person.api.get(path).data) == 1
        if secret == "api_key":
            get = stack.api.get
            assert get("/auth/me", X_API_Key=first.data[secret]).status == 401
            assert get("/auth/me", X_API_Key=again.data[secret]).status == 200
    assert stack.sql("select action, count(*) from audit_logs where user_id ="
                     " %s and action in ('apikey.create', 'webhook.create')"
                     " group by action order by action", person.id) == [
                         ("apikey.create", 1), ("webhook.create", 1)]


def test_after_a_lost_answer_administration_made_it_once(stack):
    """Row RE8."""
    boss = staff.staff(stack, "super_admin")
    word = "l" + secrets.token_hex(5)
    for path, body in (
            ("/admin/users", registration(stack.api)),
            ("/roles", {"name": word, "permissions": ["users.read"]}),
            ("/permissions", {"name": word + ".read", "resource": word,
                              "action": "read"})):
        key = {"Idempotency_Key": word}
        first = boss.api.post(path, body, **key)
        forget_the_answer(stack)
        again = boss.api.post(path, body, **key)
        assert (first.status, again.status) == (201, 201), again
        assert again.data["id"] == first.data["id"]
        assert boss.api.post(path, body).status == 409
    assert stack.sql("select count(*) from audit_logs where actor_id = %s and"
                     " action in ('user.create', 'role.create',"
                     " 'permission.create') and result = 'success'",
                     boss.id) == [(3,)]


def test_a_key_that_is_too_long_is_refused(api):
    answer = api.post("/auth/register", registration(api),
                      Idempotency_Key="x" * 256)
    assert answer.status == 400


def test_kept_answers_are_sealed(api, stack):
    """Row CF5."""
    body = registration(api)
    answer = api.post("/auth/register", body,
                      Idempotency_Key="seal-" + body["username"])
    kept = b"".join(bytes(a or b"") for a, in stack.sql(
        "select answer from idempotency"))
    assert answer.data["refresh_token"].encode() not in kept
    assert body["email"].encode() not in kept
