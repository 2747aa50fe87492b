"""What is written around a value is not part of it; what is empty is not
given."""
import pytest

from staff import staff


def test_white_space_around_addresses_codes_and_tokens_is_dropped(
        api, person, inbox):
    assert api.post("/auth/resend-otp", {"email": person.email + " "}
                    ).status == 200
    code = inbox.otp(person.email, 2)
    assert api.post("/auth/verify-email", {
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
