"""What is taken away is gone with the answer that says so, on the host that
gives it, however lately a token was proved there: with Redis, and by Postgres
alone. Rows SE3, SE8 and RB8."""
import pytest

from staff import custom_role, staff

NEW = "Another-Horse-8"
USERS = "/admin/users"


def warm(person, path="/auth/me"):
    """Each process has proved the token, or found it proved."""
    for _ in range(6):
        assert person.api.get(path).status == 200
    return person


def statuses(person, path="/auth/me"):
    return {person.api.get(path).status for _ in range(4)}


def by_admin(method, path, body=None):
    def act(boss, person, _):
        answer = boss.api.send(method, f"{USERS}/{person.id}{path}", body)
        assert answer.status in (200, 204), answer
    return act


def by_himself(method, path, body=None):
    def act(_, person, other):
        assert other.api.send(method, path, body).status == 200
    return act


def end_one(_, person, other):
    entry = next(s for s in other.api.get("/auth/sessions").data
                 if not s["current"])
    assert other.api.delete(f"/auth/sessions/{entry['id']}").status == 200


def use_refresh_token_twice(_, person, __):
    for status in (200, 401):
        assert person.anonymous.post("/auth/refresh", {
            "refresh_token": person.refresh}).status == status


def change_password(_, person, other):
    assert other.api.post("/auth/change-password", {
        "current_password": person.password,
        "new_password": NEW}).status == 200


def by_ctl(*words, **more):
    def act(boss, person, _):
        boss.stack.ctl(words[0], words[1], person.email, *words[2:], **more)
    return act


ENDS = {
    "logout": lambda _, person, __: person.api.post("/auth/logout"),
    "logout of the others": by_himself("POST", "/auth/logout",
                                       {"scope": "others"}),
    "logout of all": by_himself("POST", "/auth/logout", {"scope": "all"}),
    "the others end": by_himself("DELETE", "/auth/sessions"),
    "one ends": end_one,
    "refreshed twice": use_refresh_token_twice,
    "another password": change_password,
    "administrator ends": by_admin("DELETE", "/sessions"),
    "deactivation": by_admin("POST", "/deactivate"),
    "deactivation by change": by_admin("PATCH", "", {"is_active": False}),
    "a reset is required": by_admin("POST", "/require-password-reset"),
    "deletion": by_admin("DELETE", ""),
    "ctl deactivates": by_ctl("user", "deactivate"),
    "ctl deletes": by_ctl("user", "delete", "--yes"),
    "ctl sets the password": by_ctl("user", "set-password",
                                    "--password-stdin", input=NEW + "\n"),
    "ctl resets factors": by_ctl("user", "reset-2fa"),
}


class Revoked:
    @pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
    def test_a_session_that_ends(self, boss, person, end):
        other = person.another_session()
        warm(person)
        warm(other)
        end(boss, person, other)
        assert statuses(person) == {401}

    def test_a_password_that_is_reset_by_mail(self, api, person, inbox):
        warm(person)
        api.post("/auth/password-reset/request", {"email": person.email})
        token = inbox.reset_token(person.email)
        warm(person)
        assert api.post("/auth/password-reset/confirm", {
            "token": token, "new_password": NEW}).status == 200
        assert statuses(person) == {401}

    @pytest.mark.parametrize("taken", ["from him", "of all", "off", "away"])
    def test_a_role(self, boss, person, taken):
        role = custom_role(boss, "users.read")
        place, name = f"/roles/{role['id']}", role["name"]
        assert boss.api.post(f"{USERS}/{person.id}/roles",
                             {"role": name}).status == 200
        warm(person, USERS)
        done = {
            "from him": lambda: boss.api.delete(
                f"{USERS}/{person.id}/roles/{name}"),
            "of all": lambda: boss.api.put(place + "/permissions",
                                           {"permissions": []}),
            "off": lambda: boss.api.put(place, {"is_active": False}),
            "away": lambda: boss.api.delete(place),
        }[taken]()
        assert done.status in (200, 204), done
        assert statuses(person, USERS) == {403}

    def test_a_token_to_those_who_ask(self, boss, person):
        """Introspection reads the same memory."""
        key = boss.api.post("/api-keys", {
            "name": "k", "scopes": ["tokens:read"]}).data["api_key"]

        def active():
            return {boss.anonymous.post(
                "/auth/introspect", {"token": person.access}, X_API_Key=key
                ).json["active"] for _ in range(4)}
        assert active() == {True}
        assert person.api.post("/auth/logout").status == 200
        assert active() == {False}


@pytest.fixture
def boss(stack):
    boss = staff(stack, "super_admin")
    boss.stack = stack
    return boss


class TestWithRedis(Revoked):
    pass


@pytest.mark.stack(REDIS_HOST="")
class TestByPostgresAlone(Revoked):
    pass
