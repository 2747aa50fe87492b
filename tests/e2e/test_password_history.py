"""The passwords a user had before, where password.history says how many, and
passwords that are made by chance. Row PW5."""
import json

import pytest

pytestmark = pytest.mark.stack(PASSWORD_HISTORY="2")
WORDS = [f"Correct-Horse-{n}-battery" for n in range(6)]


def change(person, new):
    answer = person.api.post("/auth/change-password", {
        "old_password": person.password, "new_password": new})
    if answer.status == 200:
        person.password = new
    return answer


def test_a_password_is_none_of_the_last(stack, person):
    first = person.password
    assert change(person, first).status == 422
    assert change(person, WORDS[0]).status == 200
    assert change(person, WORDS[1]).status == 200
    for old in (first, WORDS[0], WORDS[1]):
        answer = change(person, old)
        assert (answer.status, answer.fields) == (422, ["new_password"])
    assert change(person, WORDS[2]).status == 200
    assert change(person, first).status == 200  # three before
    assert stack.sql("select count(*) from password_history where user_id "
                     "= %s", person.id) == [(2,)]
    hashes = stack.sql("select hash from password_history where user_id = %s",
                       person.id)
    assert all(h.startswith("$argon2id$") for h, in hashes)


def test_a_reset_does_not_bring_one_back(stack, person, inbox):
    first = person.password
    assert change(person, WORDS[0]).status == 200
    person.anonymous.post("/auth/password-reset/request",
                          {"email": person.email})
    token = inbox.reset_token(person.email)
    for old in (first, WORDS[0]):
        answer = person.anonymous.post("/auth/password-reset/confirm", {
            "token": token, "new_password": old})
        assert (answer.status, answer.fields) == (422, ["new_password"])
    # The link was not used up by that.
    assert person.anonymous.post("/auth/password-reset/confirm", {
        "token": token, "new_password": WORDS[3]}).status == 200


def test_an_administrator_does_not_either(stack, person):
    told = stack.ctl("user", "set-password", person.email, "--password-stdin",
                     input=person.password + "\n", check=False)
    assert told.returncode and "had before" in told.stderr
    told = stack.ctl("user", "set-password", person.email, "--password-stdin",
                     input=WORDS[4] + "\n")
    assert person.try_login(person.password).status == 401
    assert person.try_login(WORDS[4]).status == 200


def test_a_hash_made_anew_at_login_is_no_new_password(stack, person):
    stack.sql("update users set password_hash = replace(password_hash, "
              "'t=', 't=') where id = %s", person.id)
    assert person.try_login().status == 200
    assert stack.sql("select count(*) from password_history where user_id "
                     "= %s", person.id) == [(0,)]


def test_a_password_is_made_by_chance_and_shown_once(stack, person):
    told = stack.ctl("user", "set-password", person.email, "--generate",
                     "--json")
    made = json.loads(told.stdout)["password"]
    assert len(made) >= 23 and person.try_login(made).status == 200
    assert made not in told.stderr
    assert made != json.loads(stack.ctl(
        "user", "set-password", person.email, "--generate",
        "--json").stdout)["password"]
    assert made not in str(stack.sql("select payload from jobs"))
    told = stack.ctl("user", "set-password", person.email, "--generate",
                     "--password-stdin", input="x\n", check=False)
    assert told.returncode


def test_history_goes_with_the_account(stack, person):
    assert change(person, WORDS[0]).status == 200
    stack.sql("delete from users where id = %s", person.id)
    assert stack.sql("select count(*) from password_history where user_id "
                     "= %s", person.id) == [(0,)]
