"""Administration of accounts: rows RB3 to RB9, PR8, AP6."""
import json
import urllib.parse

import pytest

from factor import Enrolled
from staff import custom_role, limited, staff


@pytest.fixture
def boss(stack):
    return staff(stack, "super_admin")


@pytest.fixture
def admin(stack):
    return staff(stack, "admin")


# What a documented client prints, one after the other.

def test_002_list_users(admin, person):
    answer = admin.api.get("/admin/users")
    assert answer.status == 200
    assert person.id in [u["id"] for u in answer.data]
    page = answer.json["pagination"]
    assert page["page"] == 1 and page["total"] >= 2
    user = [u for u in answer.data if u["id"] == person.id][0]
    assert {"numeric_id", "email", "username", "full_name", "is_active",
            "is_verified", "role", "created_at", "updated_at",
            "last_login"} <= set(user)


def test_002_a_user_by_id_and_by_number(admin, person):
    by_id = admin.api.get("/admin/users/" + person.id)
    assert by_id.status == 200 and by_id.data["email"] == person.email
    number = by_id.data["numeric_id"]
    by_number = admin.api.get(f"/admin/users/{number}")
    assert by_number.data["id"] == person.id


def test_002_update_user(admin, person):
    answer = admin.api.put("/admin/users/" + person.id,
                           {"full_name": "Ada Lovelace"})
    assert answer.status == 200
    assert answer.data["full_name"] == "Ada Lovelace"
    assert answer.data["username"] == person.username
    assert person.api.get("/auth/me").data["full_name"] == "Ada Lovelace"


def test_002_delete_user(admin, person):
    assert admin.api.delete("/admin/users/" + person.id).status == 200
    assert admin.api.get("/admin/users/" + person.id).status == 404
    assert person.api.get("/auth/me").status == 401
    assert person.try_login().status == 401


def test_002_deactivate_and_activate(admin, person):
    """Effective on the next request (row RB8)."""
    assert person.api.get("/auth/me").status == 200
    answer = admin.api.post(f"/admin/users/{person.id}/deactivate")
    assert answer.status == 200 and answer.data["is_active"] is False
    assert person.api.get("/auth/me").status == 401
    refused = person.try_login()
    assert refused.status == 403 and refused.code == "ACCOUNT_DISABLED"
    answer = admin.api.post(f"/admin/users/{person.id}/activate")
    assert answer.status == 200 and answer.data["is_active"] is True
    assert person.api.get("/auth/me").status == 401
    person.login()
    assert person.api.get("/auth/me").status == 200


def test_002_sessions_of_a_user(admin, person):
    second = person.another_session()
    path = f"/admin/users/{person.id}/sessions"
    listed = admin.api.get(path)
    assert listed.status == 200
    assert {person.session, second.session} <= {
        s["id"] for s in listed.data}
    assert admin.api.delete(path).status == 200
    assert person.api.get("/auth/me").status == 401
    assert second.api.get("/auth/me").status == 401
    assert admin.api.get(path).data == []


def test_002_cleanup_sessions(stack, admin, person):
    stack.sql("update sessions set expires_at = now() - interval '1 s',"
              " absolute_expires_at = now() - interval '1 s'"
              " where id = %s", person.session)
    answer = admin.api.post("/admin/cleanup-sessions")
    assert answer.status == 200 and answer.data["deleted"] >= 1
    assert stack.sql("select 1 from sessions where id = %s",
                     person.session) == []


@pytest.mark.parametrize("path", [
    "/user-management", "/user-management/users", "/users"])
def test_004_other_names_of_the_list(admin, path):
    answer = admin.api.get(path)
    assert answer.status == 200 and isinstance(answer.data, list)


def test_the_api_dialect_has_camel_case(admin, person):
    api = person.api.of(admin.access, mount="/api")
    data = api.get("/users/" + person.id).data
    assert data["isActive"] is True and data["is_active"] is True


def test_search_and_filters(admin, person):
    def ids(query):
        answer = admin.api.get("/admin/users?" + query)
        assert answer.status == 200, answer
        return [u["id"] for u in answer.data]
    assert ids("search=" + person.username[2:9].upper()) == [person.id]
    assert person.id in ids("search=u" + "&limit=200")
    assert ids("search=%25%25%25") == []
    assert ids("search=" + urllib.parse.quote("\uff05" * 3)) == []
    assert ids(f"search={person.username}&is_active=false") == []
    assert ids(f"search={person.username}&is_active=true") == [person.id]
    assert ids(f"search={person.username}&role=admin") == []
    assert admin.id in ids("role=admin&limit=200")
    assert admin.api.get("/admin/users?is_active=perhaps").status == 400


def test_pages_and_cursor_show_each_account_once(stack, admin):
    """Row RB9."""
    for _ in range(5):
        stack.api.new_person()
    first = admin.api.get("/admin/users?limit=2&page=1")
    second = admin.api.get("/admin/users?limit=2&page=2")
    assert len(first.data) == len(second.data) == 2
    after = admin.api.get("/admin/users?limit=2&after=" +
                          first.headers["X-Next-Cursor"])
    assert [u["id"] for u in after.data] == [u["id"] for u in second.data]
    beyond = admin.api.get("/admin/users?limit=2&page=100000")
    assert beyond.data == []
    assert beyond.json["pagination"]["total"] == \
        first.json["pagination"]["total"]
    assert admin.api.get("/admin/users?limit=5000").json[
        "pagination"]["limit"] == 200


def test_create_user(admin, stack):
    word = "made" + admin.username
    answer = admin.api.post("/admin/users", {
        "email": word + "@example.test", "username": word,
        "password": "Correct-Horse-7", "role": "user"})
    assert answer.status == 201 and answer.data["roles"] == ["user"]
    login = stack.api.post("/auth/login", {
        "email": word + "@example.test", "password": "Correct-Horse-7"})
    assert login.status == 200
    again = admin.api.post("/admin/users", {
        "email": word + "@example.test", "username": word + "x"})
    assert again.status == 409 and again.code == "EMAIL_TAKEN"
    unknown = admin.api.post("/admin/users", {
        "email": word + "2@example.test", "username": word + "2",
        "role": "emperor"})
    assert unknown.status == 422 and unknown.fields == ["role"]


def test_require_password_reset(admin, person):
    answer = admin.api.post(
        f"/admin/users/{person.id}/require-password-reset")
    assert answer.status == 200
    assert answer.data["must_reset_password"] is True
    assert person.api.get("/auth/me").status == 401
    refused = person.try_login()
    assert refused.status == 403
    assert refused.code == "PASSWORD_RESET_REQUIRED"
    assert person.try_login("wrong").status == 401


@pytest.mark.parametrize("name, asked", [
    ("\u0142ukasz \u017b\u00f3\u0142w", [
        "\u0141ukasz", "\u0141UKASZ", "z\u0307o\u0301\u0142w",
        "\u017b\u00d3\u0141W"]),
    ("Jos\u0065\u0301 Stra\u00dfe", ["jos\u00e9", "JOS\u00c9",
                                    "strasse"]),
    ("\u03a0\u03b1\u03c5\u03bb\u03bf\u03c2", [
        "\u03a0\u0391\u03a5\u039b\u039f\u03a3",
        "\u03c0\u03b1\u03c5\u03bb\u03bf\u03c3"]),
    ("T\u0130LK\u0130 KIM", ["kim", "K\u0131m", "ti\u0307lki\u0307",
                              "TI\u0307LKI\u0307"]),
], ids=["polish", "composed", "greek", "turkish"])
def test_a_search_finds_any_spelling(stack, admin, name, asked):
    """In any case, composed or not."""
    someone = stack.api.new_person(full_name=name)
    for text in asked:
        found = admin.api.get("/admin/users?limit=200&search=" +
                              urllib.parse.quote(text))
        assert someone.id in [u["id"] for u in found.data], text
    assert admin.api.get("/admin/users?search=" + urllib.parse.quote(
        asked[0] + "\u0142x")).data == []


def test_unlock(admin, person):
    """003's lockout, and the way out of it."""
    for _ in range(5):
        assert person.try_login("wrong").status == 401
    assert person.try_login().status == 423
    seen = admin.api.get("/admin/users/" + person.id)
    assert seen.data["locked_until"] is not None
    assert admin.api.post(f"/admin/users/{person.id}/unlock").status == 200
    person.login()


def test_stats(admin):
    data = admin.api.get("/admin/stats").data
    assert data["total_users"] >= 1
    assert data["last_24_hours"]["logins"] >= 1


# Who may not.

PATHS = [("GET", "/admin/users"), ("POST", "/admin/users"),
         ("GET", "/admin/stats"), ("POST", "/admin/cleanup-sessions"),
         ("GET", "/roles"), ("GET", "/permissions")]


@pytest.mark.parametrize("method,path", PATHS)
def test_administration_is_closed(api, person, method, path):
    assert api.send(method, path, {}).status == 401
    assert person.api.send(method, path, {}).status == 403


def test_a_key_never_opens_administration(boss):
    """Row AK5: not even "*" of a super_admin's own key."""
    key = boss.api.post("/api-keys", {"name": "all", "scopes": ["*"]})
    for method, path in PATHS:
        answer = boss.anonymous.send(method, path, {},
                                     {"X-API-Key": key.data["api_key"]})
        assert answer.status == 403, (method, path, answer)


def test_fields_of_the_service_stay_its_own(admin, person):
    """Row RB5."""
    admin.api.put("/admin/users/" + person.id, {
        "role": "super_admin", "roles": ["super_admin"], "id": admin.id,
        "password_hash": "x", "numeric_id": 1})
    data = admin.api.get("/admin/users/" + person.id).data
    assert data["roles"] == ["user"] and data["id"] == person.id


def test_missing_accounts(admin):
    for ref in ("00000000-0000-7000-8000-000000000000", "999999999999",
                "0", "x", "99999999999999999999999"):
        assert admin.api.get("/admin/users/" + ref).status == 404
        assert admin.api.post(f"/admin/users/{ref}/activate").status == 404
        assert admin.api.delete("/admin/users/" + ref).status == 404


def test_an_admin_cannot_touch_who_holds_more(stack, admin, boss):
    """Row RB3: an address changed is an account taken over."""
    path = "/admin/users/" + boss.id
    assert admin.api.put(path, {"email": admin.username +
                                "2@example.test"}).status == 403
    for act in ("deactivate", "require-password-reset", "unlock"):
        assert admin.api.post(f"{path}/{act}").status == 403
    assert admin.api.delete(path).status == 403
    assert admin.api.delete(path + "/sessions").status == 403
    assert boss.api.get("/auth/me").status == 200


def test_nobody_ends_himself(admin):
    """Row RB4."""
    path = "/admin/users/" + admin.id
    assert admin.api.post(path + "/deactivate").status == 403
    assert admin.api.delete(path).status == 403
    assert admin.api.put(path, {"is_active": False}).status == 403
    assert admin.api.get(path).status == 200


def test_each_change_leaves_an_audit_row(stack, admin, person):
    """Row LO2."""
    path = "/admin/users/" + person.id
    admin.api.put(path, {"first_name": "A"})
    admin.api.post(path + "/unlock")
    admin.api.post(path + "/deactivate")
    admin.api.delete(path)
    rows = stack.sql("select action from audit_logs where user_id = %s"
                     " and actor_id = %s and result = 'success'"
                     " order by id", person.id, admin.id)
    assert [a for a, in rows] == ["user.update", "user.unlock",
                                  "user.deactivate", "user.delete"]


def test_every_change_of_accounts_and_rights_wants_a_recent_proof(stack):
    """Row RB7; that the service does, the matrix shows of each of them."""
    routes = json.loads(stack.ctl("routes", "--json").stdout)
    changes = [r for r in routes if r["who"] == "permission" and
               r["method"] != "GET" and not r["needs"].startswith("session")]
    assert len(changes) > 15
    assert [r for r in changes if r["proof"] != "recent"] == []


def test_logging_in_again_is_a_proof(stack, admin, person):
    path = f"/admin/users/{person.id}/deactivate"
    stack.age_proof(admin, 11)
    refused = admin.api.post(path)
    assert (refused.status, refused.code) == (403, "REAUTH_REQUIRED")
    assert admin.api.get("/admin/users/" + person.id).data["is_active"]
    admin.login()
    assert admin.api.post(path).status == 200


def test_of_who_has_a_factor_it_is_the_proof(stack, admin, person):
    """Row TD2: nor does a session do that began without it."""
    app = Enrolled(stack, admin)
    path = "/admin/users/" + person.id
    assert admin.api.put(path, {}).code == "REAUTH_REQUIRED"
    assert admin.api.post("/auth/2fa/verify",
                          {"code": app.code()}).status == 200
    assert admin.api.put(path, {"first_name": "A"}).status == 200


STRICT = pytest.mark.stack(PROFILE="strict")


@STRICT
def test_strict_administration_is_by_a_second_factor(stack):
    """Row RB7."""
    boss = staff(stack, "super_admin")
    for path in ("/admin/users", "/roles", "/auth/me", "/api-keys"):
        assert boss.api.get(path).code == "TWO_FACTOR_REQUIRED", path
    app = Enrolled(stack, boss)
    assert boss.api.get("/admin/users").code == "REAUTH_REQUIRED"
    app.prove()
    assert boss.api.get("/admin/users").status == 200
    stack.age_proof(boss, 11)
    assert boss.api.get("/admin/users").status == 200
    assert boss.api.post("/roles", {"name": "x"}).code == "REAUTH_REQUIRED"
    stack.age_proof(boss, 16)
    assert boss.api.get("/auth/me").status == 200
    assert boss.api.get("/admin/users").code == "REAUTH_REQUIRED"
    assert boss.api.post("/auth/2fa/verify",
                         {"code": app.code()}).status == 200
    assert boss.api.get("/admin/users").status == 200
    assert boss.api.post("/roles", {"name": "x"}).code != "REAUTH_REQUIRED"


@STRICT
def test_strict_holds_for_roles_of_the_applications_own(stack):
    boss = staff(stack, "super_admin")
    Enrolled(stack, boss).prove()
    reader = staff(stack, "user")
    assert boss.api.post(f"/admin/users/{reader.id}/roles", {
        "role": custom_role(boss, "users.read")["name"]}).status == 200
    assert reader.api.get("/auth/me").status == 200
    refused = reader.api.get("/admin/users")
    assert (refused.status, refused.code) == (403, "TWO_FACTOR_REQUIRED")
    Enrolled(stack, reader).prove()
    assert reader.api.get("/admin/users").status == 200


# Networks of administration (row RB7).

@pytest.mark.stack(ENABLE_IP_WHITELIST="true",
                   ADMIN_WHITELIST_IPS="192.168.1.100,10.0.0.50")
def test_004_the_own_host_may_in_development_but_no_super_admin(
        admin, boss, stack):
    assert admin.api.get("/admin/users").status == 200
    refused = boss.api.get("/roles")
    assert refused.status == 403 and refused.code == "NETWORK_NOT_ALLOWED"
    assert boss.api.get("/auth/me").status == 200
    assert stack.sql("select 1 from audit_logs where actor_id = %s and"
                     " action = 'admin.network' and result = 'failure'",
                     boss.id)


@pytest.mark.stack(ENABLE_IP_WHITELIST="true", ENVIRONMENT="production",
                   ADMIN_WHITELIST_IPS="10.0.0.0/8, 2001:db8::/32",
                   TRUSTED_PROXIES="127.0.0.1")
def test_004_networks_are_judged_behind_a_trusted_proxy(admin):
    def status(address):
        return admin.api.get("/user-management",
                             X_Forwarded_For=address).status
    assert admin.api.get("/user-management").status == 403
    assert status("10.1.2.3") == 200
    assert status("::ffff:10.1.2.3") == 200
    assert status("2001:db8:1::9") == 200
    assert status("11.1.2.3") == 403
    assert status("2001:db9::1") == 403


def test_a_limited_admin_sees_only_what_he_may(stack, boss):
    reader = limited(stack, boss, "users.read")
    assert reader.api.get("/admin/users").status == 200
    assert reader.api.put("/admin/users/" + boss.id, {}).status == 403
    assert reader.api.get("/admin/stats").status == 403
    assert reader.api.get("/roles").status == 403


def test_who_was_turned_away_is_written_down(stack, person):
    """Row LO2."""
    assert person.api.get("/admin/stats").status == 403
    assert stack.sql("select action, reason from audit_logs where actor_id ="
                     " %s and result = 'failure'", person.id) == [
                         ("admin.refused", "stats.read")]


@pytest.mark.stack(ENABLE_IP_WHITELIST="true", ENVIRONMENT="development",
                   ADMIN_WHITELIST_IPS="10.0.0.0/8, 2001:db8:5::/48",
                   TRUSTED_PROXIES="127.0.0.1")
def test_004_a_super_admin_only_from_the_networks_named(stack, boss, admin):
    """Whatever spelling, and what a client says of itself is nothing."""
    def status(actor, address):
        return actor.api.get("/roles", X_Forwarded_For=address).status
    for address, of_admin, of_boss in (
            ("10.1.2.3", 200, 200), ("2001:db8:5:9::1", 200, 200),
            ("127.0.0.1", 200, 403), ("::1", 200, 403),
            ("::ffff:127.0.0.1", 200, 403), ("2001:db8:6::1", 403, 403),
            ("192.168.1.1", 403, 403)):
        assert status(admin, address) == of_admin, address
        assert status(boss, address) == of_boss, address
