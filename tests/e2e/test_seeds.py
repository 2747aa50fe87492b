"""The quick starts of the five services whose clients this one serves (row
AP6), typed as they are printed there; only host and port are ours."""
import json
import subprocess

import pytest

from api import within
from maildir import text_of


# sha512-crypt of "password".
FOREIGN = (
    "$6$rounds=5000$hotelreviews$n/6eT.zHMXgf"
    "acm1W7gUMOYOznXDnX3KGCZ7wNjckWb40FzfYMrXSxQUlnzZ3laCotZ9RalTcuB7p0Ou3Uc1N1")


def shell(stack, script, **variables):
    """What the last lines of a script print, run with the pages' hosts
    standing for the stack."""
    for port in ("8001", "3001", "8000"):
        script = script.replace("http://localhost:" + port,
                                stack["BASE_URL"])
    for name, value in variables.items():
        assert name in script
        script = script.replace(name, value)
    run = subprocess.run(["bash", "-c", script], capture_output=True,
                         text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.fixture
def elsewhere(stack):
    """The user of the first document, whose password no policy of today
    admits: it came from elsewhere, with the hash it had there."""
    stack.forget("user@example.com")
    stack.sql("insert into users (id, email, username, password_hash,"
              " is_verified) values (gen_random_uuid(), 'user@example.com',"
              " 'example', %s, true)",
              FOREIGN)


LOGIN_000 = """
TOKEN=$(curl -s -X POST http://localhost:8001/api/v1/auth/login \\
  -H "Content-Type: application/json" \\
  -d '{"email_or_username":"user@example.com","password":"password"}' \\
  | jq -r '.data.access_token')
echo "$TOKEN"
"""


def test_000_login_gives_an_access_token(stack, api, elsewhere):
    token = shell(stack, LOGIN_000).strip()
    assert api.check(token) == 200


def test_000_a_foreign_hash_is_renewed_at_login(stack, elsewhere):
    """Rows PW6, PW11."""
    shell(stack, LOGIN_000)
    (now,), = stack.sql("select password_hash from users"
                        " where email = 'user@example.com'")
    assert now.startswith("$argon2id$")
    assert len(shell(stack, LOGIN_000).strip()) > 20


REQUEST_000 = """
curl -X POST http://localhost:8001/api/v1/auth/password-reset/request \\
  -H "Content-Type: application/json" \\
  -d '{"email":"user@example.com"}'
"""

CONFIRM_000 = """
curl -X POST http://localhost:8001/api/v1/auth/password-reset/confirm \\
  -H "Content-Type: application/json" \\
  -d '{"token":"reset-token","new_password":"NewPassword123"}'
"""


def test_000_password_reset(stack, elsewhere, inbox):
    before = len(inbox.of("user@example.com", "Reset your"))
    asked = json.loads(shell(stack, REQUEST_000))
    assert asked["success"] is True
    assert asked["message"] == (
        "If an account exists with this email, you will receive password "
        "reset instructions")
    token = inbox.reset_token("user@example.com", before + 1)
    assert stack.ctl("dev", "last-token", "user@example.com"
                     ).stdout.strip() == token
    done = json.loads(shell(stack, CONFIRM_000, **{"reset-token": token}))
    assert done["success"] is True
    assert done["message"] == ("Password reset successfully. You can now log "
                               "in with your new password")
    assert shell(stack, LOGIN_000).strip() == "null"
    assert shell(stack, LOGIN_000.replace('"password"}', '"NewPassword123"}')
                 ).strip() != "null"


def limited(output):
    """Of answers one a line, the statuses that were a limit."""
    answers = [json.loads(line) for line in output.splitlines() if line]
    return answers, [a for a in answers
                     if a.get("error") == "Rate limit exceeded"]


@pytest.mark.stack(ENABLE_RATE_LIMITING="true", RATE_LIMIT_WINDOW="15m")
@pytest.mark.parametrize("script", ["""
for i in {1..10}; do
  curl -X POST http://localhost:8001/api/v1/auth/login \\
    -H "Content-Type: application/json" \\
    -d '{"email_or_username":"test","password":"test"}'
  echo ""
done
""", """
for i in {1..10}; do
  curl -X POST http://localhost:3001/api/v1/auth/login \\
    -H "Content-Type: application/json" \\
    -d '{"email":"test@test.com","password":"wrong"}'
  echo
done
"""], ids=["000", "004"])
def test_ten_logins_meet_the_limit(stack, script):
    stack.forget_limits()
    answers, over = limited(shell(stack, script))
    assert len(answers) == 10
    assert len(over) == 5
    assert over == answers[5:]
    assert over[0]["message"].rpartition(" ")[2] in within(900)


REGISTER_001 = """
curl -X POST http://localhost:3001/api/auth/register \\
  -H "Content-Type: application/json" \\
  -d '{
    "email": "admin@yourapp.com",
    "username": "admin",
    "password": "SecurePassword123!"
  }'
"""

KEY_001 = """
# Login first
LOGIN_RESPONSE=$(curl -X POST http://localhost:3001/api/auth/login \\
  -H "Content-Type: application/json" \\
  -d '{"emailOrUsername": "admin", "password": "SecurePassword123!"}')

ACCESS_TOKEN=$(echo $LOGIN_RESPONSE | jq -r '.data.accessToken')

# Create API key
curl -X POST http://localhost:3001/api/api-keys \\
  -H "Authorization: Bearer $ACCESS_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{
    "name": "Production App",
    "scopes": ["2fa:read", "2fa:write"],
    "rateLimit": 5000
  }'
"""


def test_001_register_log_in_and_make_an_api_key(stack):
    stack.forget("admin@yourapp.com")
    registered = json.loads(shell(stack, REGISTER_001))
    assert registered["success"] is True
    assert registered["data"]["user"]["username"] == "admin"
    assert registered["data"]["user"]["role"] == "user"  # row LG10
    made = json.loads(shell(stack, KEY_001))
    assert made["success"] is True
    assert made["apiKey"] == made["data"]["apiKey"]
    assert made["apiKey"].startswith("hr_")
    assert made["data"]["rateLimit"] == 5000


def test_001_health_has_the_documented_body(stack):
    health = json.loads(shell(
        stack, "curl http://localhost:3001/api/health"))
    assert health["status"] == "healthy"
    assert isinstance(health["uptime"], int)
    assert health["timestamp"].endswith("Z")
    assert health["service"] and health["version"]
    checks = health["checks"]
    for name in ("database", "redis"):
        assert checks[name]["status"] == "up"
        assert checks[name]["responseTime"] >= 0
    assert checks["memory"]["status"] == "up"
    assert checks["memory"]["heapUsed"] <= checks["memory"]["heapTotal"]


def curl(stack, method, path, token=None, body=None):
    command = ["curl", "-s", "-X", method, stack["BASE_URL"] + path,
               "-H", "Content-Type: application/json"]
    if token:
        command += ["-H", "Authorization: Bearer " + token]
    if body is not None:
        command += ["-d", json.dumps(body)]
    return json.loads(subprocess.run(command, check=True, text=True,
                                     capture_output=True).stdout)


@pytest.mark.stack(EMAIL_VERIFICATION="required")
def test_002_from_registration_to_the_end_of_a_session(stack, inbox):
    mail = "ann@evently.test"
    stack.forget(mail)
    before = len(inbox.of(mail, "verification code"))
    welcomed = len(inbox.of(mail, "Welcome"))
    made = curl(stack, "POST", "/api/v1/auth/register", body={
        "email": mail, "username": "ann", "password": "SecurePass123!",
        "full_name": "Ann Evans"})
    assert made["success"] is True
    assert "access_token" not in made["data"]
    login = {"email": mail, "password": "SecurePass123!"}
    early = curl(stack, "POST", "/api/v1/auth/login", body=login)
    assert early["code"] == "EMAIL_NOT_VERIFIED"
    otp = inbox.otp(mail, before + 1)
    verified = curl(stack, "POST", "/api/v1/auth/verify-email",
                    body={"email": mail, "otp": otp})
    assert verified["data"]["user"]["is_verified"] is True
    assert "Ann Evans" in text_of(inbox.wait(mail, "Welcome", welcomed + 1))
    data = curl(stack, "POST", "/api/v1/auth/login", body=login)["data"]
    data = curl(stack, "POST", "/api/v1/auth/refresh", body={
        "refresh_token": data["refresh_token"]})["data"]
    token = data["access_token"]
    me = curl(stack, "GET", "/api/v1/auth/me", token)["data"]
    for name in ("id", "email", "username", "full_name", "is_active",
                 "is_verified", "role", "created_at", "updated_at",
                 "last_login", "numeric_id"):
        assert name in me
    assert me["full_name"] == "Ann Evans"
    assert isinstance(me["numeric_id"], int)
    updated = curl(stack, "PUT", "/api/v1/auth/me", token,
                   {"full_name": "Ann E."})["data"]
    assert (updated["full_name"], updated["username"]) == ("Ann E.", "ann")
    sessions = curl(stack, "GET", "/api/v1/auth/sessions", token)["data"]
    assert len(sessions) == 1
    for name in ("id", "is_active", "expires_at", "created_at",
                 "last_accessed", "ip_address", "user_agent"):
        assert name in sessions[0]
    ended = curl(stack, "DELETE", "/api/v1/auth/sessions/%d"
                 % sessions[0]["numeric_id"], token)
    assert ended["success"] is True
    assert curl(stack, "GET", "/api/v1/auth/me", token)["success"] is False


def test_003_from_registration_to_logout(stack):
    mail = "john@example.com"
    stack.forget(mail)
    made = curl(stack, "POST", "/api/v1/auth/register", body={
        "email": mail, "username": "john_doe", "password": "SecurePassword123!",
        "first_name": "John", "last_name": "Doe"})
    assert made["success"] is True
    login = curl(stack, "POST", "/api/v1/auth/login", body={
        "email": mail, "password": "SecurePassword123!"})
    assert login["message"] == "login successful"
    data = login["data"]
    assert data["token_type"] == "Bearer"
    assert data["expires_in"] == 900
    assert data["user"]["first_name"] == "John"
    profile = curl(stack, "GET", "/api/v1/user/profile",
                   data["access_token"])["data"]
    assert (profile["first_name"], profile["last_name"]) == ("John", "Doe")
    profile = curl(stack, "PUT", "/api/v1/user/profile",
                   data["access_token"],
                   {"first_name": "John", "last_name": "Smith"})["data"]
    assert (profile["first_name"], profile["last_name"]) == ("John", "Smith")
    changed = curl(stack, "POST", "/api/v1/user/change-password",
                   data["access_token"], {
                       "old_password": "SecurePassword123!",
                       "new_password": "NewPassword123!"})
    assert changed["success"] is True
    data = curl(stack, "POST", "/api/v1/auth/refresh", body={
        "refresh_token": data["refresh_token"]})["data"]
    out = curl(stack, "POST", "/api/v1/auth/logout", data["access_token"], {
        "refresh_token": data["refresh_token"]})
    assert out["success"] is True
    assert curl(stack, "POST", "/api/v1/auth/refresh", body={
        "refresh_token": data["refresh_token"]})["success"] is False
    assert curl(stack, "POST", "/api/v1/auth/login", body={
        "username": "john_doe", "password": "NewPassword123!"}
                )["success"] is True


REFRESH_004 = """
curl -X POST http://localhost:3001/api/v1/auth/refresh \\
  -H "Content-Type: application/json" \\
  -d '{"refresh_token":"<old_token>"}'
"""


def test_004_the_second_refresh_with_one_token_fails(stack, person):
    first = json.loads(shell(stack, REFRESH_004,
                             **{"<old_token>": person.refresh}))
    assert first["success"] is True
    second = json.loads(shell(stack, REFRESH_004,
                              **{"<old_token>": person.refresh}))
    assert second["success"] is False
    # The family is gone, the newest token with it (row RT4).
    third = json.loads(shell(stack, REFRESH_004, **{
        "<old_token>": first["data"]["refresh_token"]}))
    assert third["success"] is False
