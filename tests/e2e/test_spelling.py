"""What is written around a value is not part of it; what is empty is not
given."""
import secrets
import unicodedata

import pytest

from staff import staff


def test_white_space_around_addresses_codes_and_tokens_is_dropped(
        api, person, inbox):
    inbox.otp(person.email)  # two mails under way may come in either order
    assert api.post("/auth/resend-otp", {"email": person.email + " "}
                    ).status == 200
    code = inbox.otp(person.email, 2)
    assert person.api.post("/auth/verify-email", {
        "email": "\t" + person.email.upper() + "\n",
        "otp": f" {code[:3]}\u00a0{code[3:]}\r\n"}).status == 200
    assert api.post("/auth/login", {
        "username": person.username + " ", "password": person.password}
        ).status == 200
    assert api.post("/auth/refresh", {"refresh_token": person.refresh + "\n"}
                    ).status == 200


def test_a_reset_token_may_come_with_its_line_break(api, person, inbox):
    api.post("/auth/password-reset/request", {"email": person.email + "\n"})
    token = inbox.reset_token(person.email)
    assert api.post("/auth/password-reset/confirm", {
        "token": "\r\n" + token + "\n", "new_password": "New-Pass-word-17"}
        ).status == 200


@pytest.mark.parametrize("empty", ["", None, " "])
def test_an_empty_name_beside_a_filled_one_is_not_given(person, empty):
    answer = person.anonymous.post("/auth/login", {
        "username": empty, "identifier": empty, "email": person.email,
        "password": person.password})
    assert answer.status == 200
    assert person.anonymous.post("/auth/login", {
        "username": empty, "email": empty, "password": person.password}
        ).status == 422


@pytest.mark.parametrize("nothing", ["", None, "  "])
def test_nothing_clears_a_name_and_the_full_name_follows(api, nothing):
    person = api.new_person(first_name="Ada", last_name="Lovelace")
    answer = person.api.patch("/auth/me", {"last_name": nothing})
    assert answer.status == 200
    for data in answer.data, person.api.get("/auth/me").data:
        assert (data["first_name"], data["last_name"], data["full_name"]) \
            == ("Ada", None, "Ada")
    data = person.api.patch("/auth/me", {"firstName": nothing}).data
    assert (data["first_name"], data["full_name"]) == (None, None)
    data = person.api.patch("/auth/me", {"first_name": "Ann",
                                         "last_name": "May"}).data
    assert data["full_name"] == "Ann May"
    data = person.api.put("/user/profile", {"full_name": nothing}).data
    assert (data["first_name"], data["full_name"]) == ("Ann", None)
    data = person.api.patch("/auth/me", {"username": nothing}).data
    assert data["username"] == person.username


def test_a_full_name_that_is_given_stands(api):
    person = api.new_person(first_name="Ada", last_name="L")
    data = person.api.patch("/auth/me", {
        "last_name": "Lovelace", "full_name": "Lady Ada"}).data
    assert (data["last_name"], data["full_name"]) == ("Lovelace", "Lady Ada")
    data = person.api.patch("/auth/me", {"username": person.username}).data
    assert data["full_name"] == "Lady Ada"


def test_administration_clears_a_name_too(api, stack):
    person = api.new_person(first_name="Ada", last_name="Lovelace")
    answer = staff(stack, "super_admin").api.patch(
        "/admin/users/" + person.id, {"last_name": None})
    assert answer.status == 200
    assert answer.data["full_name"] == "Ada"


def test_nested_values_under_two_names_are_refused_at_once(api):
    """To compare them took time that doubles with each level."""
    nested = '{"a":' * 31 + "1" + "}" * 31
    answer = api.post("/auth/refresh", '{"refresh_token":%s,"refreshToken":%s}'
                      % (nested, nested))
    assert (answer.status, answer.fields) == (422, ["refresh_token"])


def test_an_international_domain_is_kept_in_its_a_form(api, inbox):
    name = "u" + secrets.token_hex(6)
    answer = api.post("/auth/register", {
        "email": name + "@Bücher.example", "username": name,
        "password": "Aa1-whatever-else"})
    assert answer.status == 201, answer
    kept = name + "@xn--bcher-kva.example"
    assert answer.data["user"]["email"] == kept
    for email in (kept, name + "@bücher.example", name + "@bücher.example"):
        assert api.post("/auth/login", {
            "email": email, "password": "Aa1-whatever-else"}).status == 200
    assert api.post("/auth/register", {
        "email": name + "@BÜCHER.example", "username": name + "2",
        "password": "Aa1-whatever-else"}).code == "EMAIL_TAKEN"
    assert inbox.otp(kept)


@pytest.mark.parametrize("email", [
    "ann@büch er.example", "änn@example.test", "ann@\u200d.example",
    "ann@bü_cher.example", "ann@bü＿cher.example", "ann@bücher",
    "ann@bü@cher.example", "ann@bü／cher.example", "ann@" + "ü" * 300 + ".example"])
def test_what_has_no_a_form_is_no_address(api, email):
    answer = api.post("/auth/register", {
        "email": email, "username": "u" + secrets.token_hex(6),
        "password": "Aa1-whatever-else"})
    assert (answer.status, answer.fields) == (422, ["email"])


def test_both_normal_forms_of_a_password_are_one(api):
    composed = "Pässwörd-" + secrets.token_hex(4) + " 1"
    apart = unicodedata.normalize("NFD", composed).replace(" ", "\u00a0")
    for first, second in (composed, apart), (apart, composed):
        person = api.new_person(password=first)
        assert person.try_login(second).status == 200
        assert person.try_login(first).status == 200
        changed = person.api.post("/auth/change-password", {
            "old_password": second, "new_password": first + "!"})
        assert changed.status == 200, changed
        assert person.try_login(second + "!").status == 200
        assert person.try_login(first).status == 401


def test_an_operator_may_write_an_international_domain_too(stack):
    name = "u" + secrets.token_hex(6)
    stack.ctl("user", "create", "--email", name + "@bücher.example",
              "--username", name, "--password-stdin",
              input="Aa1-whatever-else\n")
    assert stack.api.post("/auth/login", {
        "email": name + "@xn--bcher-kva.example",
        "password": "Aa1-whatever-else"}).status == 200
