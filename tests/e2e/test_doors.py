"""Every secret at every door but its own."""
import json
import re

import pytest

from test_api_keys import make

NEW = "Bb2-another-one-"


@pytest.fixture
def secrets_of(api, inbox):
    """One live secret of each kind, all of one person."""
    person = api.new_person()
    api.post("/auth/password-reset/request", {"email": person.email})
    data = person.try_login(remember_device=True).data
    return person, {
        "access": person.access,
        "refresh": person.refresh,
        "reset": inbox.reset_token(person.email),
        "code": inbox.otp(person.email),
        "device": data["device_token"],
        "key": make(person, scopes=["*"])["api_key"],
        "session": person.session,
        "user": person.id,
        "password": person.password,
    }


def test_only_an_access_token_is_a_bearer(api, secrets_of):
    """Row JW3; 0b: a secret for one purpose accepted for another."""
    person, kinds = secrets_of
    for kind, secret in kinds.items():
        for path in ("/auth/sessions", "/api-keys"):
            status = api.of(secret).get(path).status
            assert status == (200 if kind == "access" else 401), kind
        wanted = 200 if kind in ("access", "key") else 401
        assert api.of(secret).get("/auth/me").status == wanted, kind
        status = api.get("/auth/me", X_API_Key=secret).status
        assert status == (200 if kind == "key" else 401), kind


def test_only_a_refresh_token_refreshes(api, secrets_of):
    person, kinds = secrets_of
    for kind, secret in kinds.items():
        if kind != "refresh":
            answer = api.post("/auth/refresh", {"refresh_token": secret})
            assert (answer.status, answer.code) == (
                401, "INVALID_REFRESH_TOKEN"), kind
    assert api.post("/auth/refresh", {"refresh_token": kinds["refresh"]}
                    ).status == 200


def test_only_a_reset_token_resets(api, secrets_of):
    """Row PR6."""
    person, kinds = secrets_of
    for kind, secret in kinds.items():
        if kind != "reset":
            answer = api.post("/auth/password-reset/confirm", {
                "token": secret, "new_password": NEW})
            assert (answer.status, answer.code) == (
                400, "INVALID_TOKEN"), kind
    assert person.try_login().status == 200
    assert api.post("/auth/password-reset/confirm", {
        "token": kinds["reset"], "new_password": NEW}).status == 200


def test_only_a_code_verifies(api, secrets_of):
    person, kinds = secrets_of
    for kind, secret in kinds.items():
        if kind != "code":
            assert api.post("/auth/verify-email", {
                "email": person.email, "otp": secret}).status == 422, kind
    assert api.post("/auth/verify-email", {
        "email": person.email, "otp": kinds["code"]}).status == 200


def test_only_a_password_logs_in(api, secrets_of):
    person, kinds = secrets_of
    for kind, secret in list(kinds.items())[:4]:
        answer = person.try_login(secret)
        assert (answer.status, answer.code) == (
            401, "INVALID_CREDENTIALS"), kind
    assert person.try_login().status == 200


def test_no_other_secret_is_a_device(api, secrets_of):
    person, kinds = secrets_of
    for _ in range(6):
        person.try_login("Aa1-not-the-one")
    for kind, secret in kinds.items():
        if kind != "code":
            status = person.try_login(device_token=secret).status
            assert status == (200 if kind == "device" else 423), kind
            if kind == "device":
                for _ in range(6):
                    person.try_login("Aa1-not-the-one")


def test_introspection_knows_tokens_only(api, secrets_of):
    """Row JW9."""
    person, kinds = secrets_of
    key = make(api.new_person(), scopes=["tokens:read"])["api_key"]
    for kind, secret in kinds.items():
        told = api.post("/auth/introspect", {"token": secret},
                        X_API_Key=key).json
        assert told["active"] is (kind in ("access", "refresh")), kind
        assert kind in ("access", "refresh") or told == {"active": False}


# Rows of the table that ask for no credential, on purpose (row LG12).
OPEN = {
    "/auth/register", "/auth/signup", "/auth/verify-email",
    "/auth/resend-otp", "/auth/login", "/auth/refresh",
    "/auth/password-reset/request", "/auth/password-reset/confirm",
    "/health", "/health/live", "/health/ready", "/info",
    "/.well-known/jwks.json", "/auth/change-email/undo",
    "/auth/recovery/start", "/auth/recovery/confirm", "/oauth/providers",
    "/oauth/{provider}", "/oauth/{provider}/callback", "/oauth/exchange",
    "/docs", "/openapi.json", "/metrics",
}


@pytest.fixture
def table(stack):
    """The rows of routes.def, as the program itself has them."""
    return json.loads(stack.ctl("routes", "--json").stdout)


def test_what_is_open_is_open_on_purpose(table):
    """Rows RB1, LG12."""
    assert {row["path"] for row in table
            if row["who"].startswith("anyone")} <= OPEN


def test_no_door_is_open_to_nobody(api, table):
    """Row RB2: refused before anything of the body is judged."""
    for row in table:
        if row["who"].startswith("anyone"):
            continue
        for path in [row["path"]] + row["aliases"].split():
            path = re.sub(r"\{[^}]*\}", "1", path)
            for mount, token in (("/api/v1", None), ("/api", "x"),
                                 ("/api/v1", "prt_x"), ("/api", "hr_x")):
                answer = api.of(token, mount).send(row["method"], path)
                # A challenge may also come as a field of the body.
                assert answer.status == 401 or (
                    answer.status == 422 and "challenge" in row["who"]), (
                        row["method"], path, answer)
                assert "data" not in answer.json
