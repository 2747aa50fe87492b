"""Roles, permissions and who may give them: rows RB3, RB4."""
import concurrent.futures
import json
import secrets

import pytest

from staff import custom_role, limited, staff


@pytest.fixture
def boss(stack):
    return staff(stack, "super_admin")


def test_003_assign_role_by_id(boss, person):
    roles = {r["name"]: r for r in boss.api.get("/roles").data}
    assert {"user", "admin", "super_admin"} <= set(roles)
    assert person.api.get("/admin/users").status == 403
    answer = boss.api.post(f"/admin/users/{person.id}/roles",
                           {"role_id": roles["admin"]["id"]})
    assert answer.status == 200
    assert answer.data["role"] == "admin"
    assert set(answer.data["roles"]) == {"admin", "user"}
    assert person.api.get("/admin/users").status == 200


def test_a_role_is_taken_away_on_the_next_request(boss, person):
    """Row RB8."""
    path = f"/admin/users/{person.id}/roles"
    assert boss.api.post(path, {"role": "admin"}).status == 200
    assert person.api.get("/admin/users").status == 200
    taken = boss.api.send("DELETE", path, {"role": "admin"})
    assert taken.status == 200 and taken.data["roles"] == ["user"]
    assert person.api.get("/admin/users").status == 403
    assert boss.api.delete(path + "/admin").status == 404
    assert boss.api.post(path, {"role": "nobody"}).status == 404
    assert boss.api.post(path, {}).status == 422


def test_roles_and_permissions_are_made_and_change(boss, person):
    word = "h" + secrets.token_hex(4)
    for action in ("read", "write"):
        made = boss.api.post("/permissions", {
            "name": f"{word}.{action}", "resource": word, "action": action,
            "description": "of the application"})
        assert made.status == 201, made
    again = boss.api.post("/permissions", {
        "name": f"{word}.read", "resource": word, "action": "read"})
    assert again.status == 409
    assert f"{word}.read" in [p["name"] for p in boss.api.get(
        "/permissions?limit=200").data]
    role = custom_role(boss, f"{word}.read")
    assert boss.api.post("/roles", {"name": role["name"]}).status == 409

    def allowed(action):
        answer = person.api.post("/auth/check-permission", {
            "resource": word, "action": action})
        assert answer.status == 200, answer
        return answer.data["allowed"]
    assert not allowed("read")
    boss.api.post(f"/admin/users/{person.id}/roles", {"role_id": role["id"]})
    assert allowed("read") and not allowed("write")
    assert f"{word}.read" in person.api.get("/auth/me").data["permissions"]

    put = boss.api.put(f"/roles/{role['id']}/permissions",
                       {"permissions": [f"{word}.write"]})
    assert put.status == 200 and put.data["permissions"] == [f"{word}.write"]
    assert allowed("write") and not allowed("read")
    unknown = boss.api.put(f"/roles/{role['id']}/permissions",
                           {"permissions": ["no.such"]})
    assert unknown.status == 422 and unknown.fields == ["permissions"]

    named = boss.api.patch(f"/roles/{role['id']}",
                           {"name": role["name"] + "x"})
    assert named.status == 200
    assert role["name"] + "x" in person.api.get("/auth/me").data["roles"]
    off = boss.api.put(f"/roles/{role['id']}", {"is_active": False})
    assert off.status == 200 and not allowed("write")
    assert person.api.get("/auth/me").data["roles"] == ["user"]
    boss.api.put(f"/roles/{role['id']}", {"is_active": True})
    assert allowed("write")
    assert boss.api.delete(f"/roles/{role['id']}").status == 200
    assert boss.api.get(f"/roles/{role['id']}").status == 404
    assert not allowed("write")


def test_seeded_roles_stay(boss):
    for name in ("user", "admin", "super_admin"):
        assert boss.api.delete("/roles/" + name).status == 403
        assert boss.api.patch("/roles/" + name, {"name": "x"}).status == 403
        assert boss.api.patch("/roles/" + name,
                              {"is_active": False}).status == 403
    assert boss.api.put("/roles/super_admin/permissions",
                        {"permissions": []}).status == 403


def test_check_permission_of_others(stack, boss, person):
    """Contract: own as a user; others' with a key or as administration."""
    question = {"resource": "users", "action": "read", "user_id": boss.id}
    assert person.api.post("/auth/check-permission",
                           question).status == 403
    assert boss.api.post("/auth/check-permission", dict(
        question, userId=boss.id)).data["allowed"] is True
    key = person.api.post("/api-keys", {
        "name": "k", "scopes": ["reviews.read"]}).data["api_key"]
    own = person.anonymous.of(key).post("/auth/check-permission", {
        "resource": "users", "action": "read"})
    assert own.status == 200 and own.data["allowed"] is False
    assert stack.sql("select 1 from audit_logs where action ="
                     " 'permission.check' and user_id = %s", boss.id)
    assert boss.api.post("/auth/check-permission", dict(
        question, user_id="00000000-0000-7000-8000-000000000000")
    ).status == 404


def test_a_key_asks_about_others_only_for_who_may_see_them(boss, person):
    """Row AK5: a scope for it, and its owner's users.read; nothing tells
    which ids there are."""
    ids = [boss.id, person.id, "1", "2", "999999",
           "00000000-0000-7000-8000-000000000000"]

    def ask(owner, *scopes):
        key = owner.api.post("/api-keys", {
            "name": "k", "scopes": list(scopes)}).data["api_key"]
        return [person.anonymous.post("/auth/check-permission", {
            "resource": "users", "action": "read", "user_id": who},
            X_API_Key=key) for who in ids if who != owner.id]
    for owner, scope, code in (
            (person, "x", "INSUFFICIENT_SCOPE"),
            (person, "permissions:read", "FORBIDDEN"),
            (person, "*", "FORBIDDEN"), (boss, "x", "INSUFFICIENT_SCOPE")):
        answers = ask(owner, scope)
        assert [(a.status, a.code) for a in answers] == [(403, code)] * 5
    for scope in ("permissions:read", "*"):
        answers = ask(boss, scope)
        assert answers[0].status == 200
        assert answers[0].data["allowed"] is False
        assert answers[-1].status == 404


def test_a_limited_admin_cannot_raise_himself_by_any_route(stack, boss):
    """Row RB3."""
    me = limited(stack, boss, "users.read", "users.write", "roles.read",
                 "roles.write", "roles.assign", "sessions.write")
    mine = [r for r in me.api.get("/auth/me").data["roles"] if r != "user"]
    before = me.api.get("/auth/me").data["permissions"]
    friend = stack.api.new_person()
    tries = [
        me.api.post(f"/admin/users/{me.id}/roles", {"role": "super_admin"}),
        me.api.post(f"/admin/users/{me.id}/roles", {"role": "admin"}),
        me.api.post(f"/admin/users/{friend.id}/roles", {"role": "admin"}),
        me.api.put(f"/roles/{mine[0]}/permissions",
                   {"permissions": before + ["audit.read"]}),
        me.api.put("/roles/user/permissions",
                   {"permissions": ["audit.read"]}),
        me.api.put("/roles/admin/permissions", {"permissions": []}),
        me.api.post("/roles", {"name": "x" + secrets.token_hex(4),
                               "permissions": ["audit.read"]}),
        me.api.post("/admin/users", {
            "email": "x" + me.email, "username": "x" + me.username,
            "password": "Correct-Horse-7", "role": "super_admin"}),
        me.api.put(f"/admin/users/{boss.id}", {"email": "y" + me.email}),
        me.api.delete(f"/admin/users/{boss.id}/roles/super_admin"),
        me.api.delete(f"/admin/users/{boss.id}"),
        me.api.delete("/roles/admin"),
        me.api.patch("/roles/admin", {"description": "mine"}),
    ]
    assert [t.status for t in tries] == [403] * len(tries), tries
    made = me.api.post("/permissions", {
        "name": "mine." + me.username, "resource": me.username,
        "action": "do"})
    assert made.status == 201
    assert me.api.put(f"/roles/{mine[0]}/permissions", {
        "permissions": before + ["mine." + me.username]}).status == 403
    assert me.api.get("/auth/me").data["permissions"] == before


# Without them the other tries would prove nothing.
ENDS_HIMSELF = {("POST", "/auth/logout"), ("DELETE", "/auth/me"),
                ("POST", "/admin/users/{id}/require-password-reset"),
                ("DELETE", "/admin/users/{id}/sessions"),
                ("DELETE", "/roles/{id}")}


def test_nobody_is_raised_by_any_route_whatever_it_is_sent(stack, boss):
    """Row RB3, RB5: every route that changes something, about himself, a
    friend, the boss and each role, with every field that could name rights."""
    me = limited(stack, boss, "users.read", "users.write", "roles.read",
                 "roles.write", "roles.assign")
    friend = stack.api.new_person()
    roles = {r["name"]: r["id"] for r in boss.api.get("/roles").data}

    def rights(someone):
        return set(stack.sql(
            "select p.name from permissions p where p.id in"
            " (select permissions_of(%s))", someone.id))
    before = rights(me)
    things = [("own", me.id), ("friend", friend.id), ("boss", boss.id)] + [
        (name, roles[name]) for name in ("user", "admin", "super_admin")]
    sent = 0
    for route in json.loads(stack.ctl("routes", "--json").stdout):
        key = route["method"], route["path"]
        if route["method"] == "GET":
            continue
        for whose, thing in things if "{" in route["path"] else things[:1]:
            if whose == "own" and key in ENDS_HIMSELF:
                continue
            body = {
                "role": "super_admin", "role_id": roles["super_admin"],
                "roles": ["super_admin"], "is_system": True, "rank": 1000,
                "permissions": ["audit.read", "stats.read"],
                "scopes": ["*", "admin", "audit.read", "roles.write"],
                "name": "x" + secrets.token_hex(6), "user_id": me.id,
                "username": "x" + secrets.token_hex(6),
                "email": secrets.token_hex(6) + "@example.test",
                "password": "Correct-Horse-7", "numeric_id": 1,
                "resource": "audit", "action": "read", "url":
                "https://example.com/x", "events": ["user.login"]}
            if whose == "own" and route["path"] == "/admin/users/{id}":
                del body["email"]  # a new one ends his sessions
            path = route["path"].replace("{id}", thing).replace(
                "{role}", "super_admin")
            answer = me.api.send(*key[:1], path, body)
            assert answer.status < 500, (key, whose, answer)
            sent += 1
            assert rights(me) <= before, (key, whose, answer)
            assert rights(friend) <= rights(boss) - {("audit.read",)}, key
    assert sent > 100
    assert me.api.get("/roles").status == 200
    assert boss.api.get("/auth/me").data["role"] == "super_admin"
    assert stack.sql("select 1 from users where id <> %s and 'super_admin' ="
                     " any (roles) and created_at > (select created_at from"
                     " users where id = %s)", boss.id, me.id) == []
    key = me.api.post("/api-keys", {
        "name": "k", "scopes": ["*", "audit.read"]}).data["api_key"]
    for path in ("/admin/audit-logs", "/admin/stats", "/admin/users"):
        assert me.anonymous.get(path, X_API_Key=key).status == 403
    asked = me.anonymous.post("/auth/check-permission", {
        "resource": "audit", "action": "read"}, X_API_Key=key)
    assert asked.data["allowed"] is False


def only_super_admins(stack, *people):
    """Nobody else is one for the time being; returns who was."""
    stack.sql("create table if not exists put_away as select * from"
              " user_roles where false")
    stack.sql("with gone as (delete from user_roles using roles r"
              " where r.id = role_id and r.name = 'super_admin'"
              " and not user_id = any(%s::uuid[]) returning user_roles.*)"
              " insert into put_away select * from gone",
              [p.id for p in people])


def put_back(stack):
    stack.sql("insert into user_roles select p.* from put_away p join users"
              " on users.id = user_id on conflict do nothing")
    stack.sql("drop table put_away")


@pytest.fixture
def two(stack):
    first, second = staff(stack, "super_admin"), staff(stack, "super_admin")
    only_super_admins(stack, first, second)
    yield first, second
    put_back(stack)


def test_the_last_super_admin_stays(stack, two):
    first, second = two
    assert first.api.post(
        f"/admin/users/{second.id}/deactivate").status == 200
    for answer in (
            first.api.delete(f"/admin/users/{first.id}/roles/super_admin"),):
        assert answer.status == 409, answer
        assert answer.code == "LAST_SUPER_ADMIN"
    ctl = stack.ctl("user", "set-role", first.email, "user", check=False)
    assert ctl.returncode != 0
    ctl = stack.ctl("user", "deactivate", first.email, check=False)
    assert ctl.returncode != 0
    assert first.api.get("/roles").status == 200


def test_two_demoting_each_other_leave_one(stack, two):
    """Row RB4: 200 rounds, each from both sides at once."""
    first, second = two
    count = ("select count(*) from users where is_active and"
             " 'super_admin' = any (roles)")
    ways = [("DELETE", "/roles/super_admin"), ("POST", "/deactivate")]

    def strike(actor, victim, way):
        method, tail = ways[way]
        return actor.api.send(method, f"/admin/users/{victim.id}{tail}",
                              None).status
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for n in range(200):
            a = pool.submit(strike, first, second, n % 2)
            b = pool.submit(strike, second, first, n // 2 % 2)
            results = sorted((a.result(), b.result()))
            (left,), = stack.sql(count)
            assert left == 1, results
            assert results[0] == 200 and results[1] in (401, 403, 409)
            for p in two:
                stack.sql("update users set is_active = true where id = %s",
                          p.id)
                stack.sql("insert into user_roles (user_id, role_id) select"
                          " %s, id from roles where name = 'super_admin'"
                          " on conflict do nothing", p.id)
            stack.sql("update sessions set ended_at = null where user_id"
                      " = any(%s::uuid[])", [p.id for p in two])
            if left != 1:
                break
