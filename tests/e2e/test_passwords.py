"""Login, lockout, change and reset of passwords."""
import re
import secrets

import pytest

from factor import Enrolled
from maildir import html_of, text_of
from staff import staff
from test_accounts import same_answer, word
from test_limits import hashes
from test_races import at_once
from until import until

NEW = "Bb2-another-one-"


@pytest.mark.parametrize("name", [
    "identifier", "email_or_username", "emailOrUsername", "email",
    "username"])
@pytest.mark.parametrize("mount", ["/api/v1", "/api"])
def test_every_name_of_the_identifier_works(api, person, name, mount):
    for value in (person.email, person.username, person.email.upper()):
        assert api.of(mount=mount).post("/auth/login", {
            name: value, "password": person.password}).status == 200


def test_a_login_gives_user_and_tokens(api, person):
    answer = person.try_login()
    assert answer.json["message"] == "login successful"
    data = answer.data
    assert data["token_type"] == "Bearer" and data["expires_in"] == 900
    assert data["user"]["id"] == person.id
    assert data["user"]["last_login"]
    assert data["session_id"] != person.session  # row LG9
    assert api.check(data["access_token"]) == 200


def test_nobody_can_tell_why_a_login_failed(api, stack, person):
    """Row LG1."""
    disabled = api.new_person()
    stack.sql("update users set is_active = false where id = %s",
              disabled.id)
    answers = [api.post("/auth/login", {
        "email": email, "password": "Aa1-not-the-one"})
        for email in (person.email, disabled.email, word() + "@example.test",
                      word())]
    for answer in answers:
        assert (answer.status, answer.code) == (401, "INVALID_CREDENTIALS")
        assert answer.headers["WWW-Authenticate"]
        same_answer(answer, answers[0])


def test_a_deactivated_account_is_told_after_the_right_password(api, stack):
    """Row LG4."""
    person = api.new_person()
    stack.sql("update users set is_active = false where id = %s", person.id)
    answer = person.try_login()
    assert (answer.status, answer.code) == (403, "ACCOUNT_DISABLED")
    assert "access_token" not in answer.json


def test_five_failures_lock_even_with_limits_off(api, person):
    """Rows RL2, RL5."""
    for _ in range(5):
        assert person.try_login("Aa1-not-the-one").status == 401
    for password in ("Aa1-not-the-one", person.password):
        answer = person.try_login(password)
        assert (answer.status, answer.code) == (423, "ACCOUNT_LOCKED")
        assert 0 < int(answer.headers["Retry-After"]) <= 1800
    # Those who are in stay in.
    assert person.api.get("/auth/me").status == 200


def test_an_unknown_account_locks_just_the_same(api, person):
    """Row LG1."""
    ghost = word() + "@example.test"
    for email in (person.email, ghost):
        for _ in range(5):
            api.post("/auth/login", {"email": email, "password": "wrong"})
    known, unknown = (api.post("/auth/login", {
        "email": email, "password": "wrong"})
        for email in (person.email, ghost))
    assert known.status == unknown.status == 423
    assert known.code == unknown.code
    assert set(known.headers.keys()) == set(unknown.headers.keys())


def test_every_name_and_mount_feeds_one_lock(api, person):
    """Rows LG5, RL6."""
    ways = [("/api", "emailOrUsername", person.username),
            ("/api/v1", "email", person.email),
            ("/api/v1", "identifier", person.email.upper()),
            ("/api", "username", person.username.upper()),
            ("/api/v1", "email_or_username", " " + person.email)]
    for mount, name, value in ways:
        assert api.of(mount=mount).post("/auth/login", {
            name: value, "password": "wrong"}).status == 401
    assert person.try_login().status == 423


def test_a_success_forgets_the_failures(api, person):
    """Row RL7."""
    for _ in range(3):
        for _ in range(4):
            person.try_login("Aa1-not-the-one")
        assert person.try_login().status == 200


def test_a_known_device_has_its_own_budget(api, person):
    """Row RL5."""
    token = person.try_login(remember_device=True).data["device_token"]
    for _ in range(6):
        person.try_login("Aa1-not-the-one")
    assert person.try_login().status == 423
    assert person.try_login(device_token=token).status == 200
    stranger = api.new_person()
    for _ in range(6):
        stranger.try_login("Aa1-not-the-one")
    assert stranger.try_login(device_token=token).status == 423


def test_what_strangers_guess_does_not_lock_out_what_is_known(stack, api,
                                                              person):
    """Row RL6: a hundred failures close every door but those of the owner's
    device and of his session, which have budgets of their own."""
    device = person.try_login(remember_device=True).data["device_token"]
    stack.sql("insert into attempts (bucket, count, expires_at) values"
              " ('login.all:' || %s, 101, now() + interval '1 year')",
              person.id)
    assert person.try_login().status == 423
    assert person.try_login(device_token="pdt_x").status == 423
    proved = person.api.post("/auth/change-password", {
        "old_password": "Aa1-not-the-one", "new_password": "Bb2-another-1"})
    assert (proved.status, proved.code) == (401, "INVALID_PASSWORD")
    answer = person.try_login(device_token=device)
    assert answer.status == 200
    # He is in, and what was counted is forgotten.
    assert person.try_login().status == 200


def test_a_session_guesses_no_more_than_a_login(stack, person):
    """Row RL2: also where the total is spent."""
    stack.sql("insert into attempts (bucket, count, expires_at) values"
              " ('login.all:' || %s, 101, now() + interval '1 year'),"
              " (%s, 6, now() + interval '1 hour')", person.id,
              f"login:{person.id}:s{person.session}")
    assert person.api.post("/auth/change-password", {
        "old_password": person.password, "new_password": "Bb2-another-1"}
        ).status == 423


def test_names_that_nobody_has_are_counted_for_as_long_as_they_lock(
        stack, api):
    """Nothing that a stranger writes outlives a day."""
    name = "nobody" + secrets.token_hex(6)
    for who in (name, name + "@example.test"):
        assert api.post("/auth/login", {
            "identifier": who, "password": "Aa1-not-the-one"}).status == 401
        assert api.post("/auth/password-reset/request", {
            "email": who if "@" in who else who + "@x.test"}).status == 200
    assert stack.sql("select count(*) from attempts where bucket like"
                     " 'login.all:?%%'")[0][0] >= 2
    assert stack.sql("select bucket, expires_at from attempts where expires_at"
                     " > now() + interval '1 day' and bucket not in (select"
                     " 'login.all:' || id from users)") == []


def test_twenty_devices_are_known(stack, person):
    """The one longest not used goes; no login is refused for it."""
    first = person.try_login(remember_device=True).data["device_token"]
    stack.sql("update devices set last_used_at = now() - interval '1 day'"
              " where user_id = %s", person.id)
    stack.sql("insert into devices (id, user_id, name, expires_at,"
              " last_used_at, revoked_at) select gen_random_uuid(), %s, 'd',"
              " now() + interval '1 day', now() - n * interval '1 minute',"
              " case when n > 19 then now() - interval '2 hours' end"
              " from generate_series(1, 40) n", person.id)
    last = person.try_login(remember_device=True).data["device_token"]
    live = "select count(*) from devices where user_id = %s"
    assert stack.sql(live + " and revoked_at is null", person.id) == [(20,)]
    assert stack.sql(live, person.id)[0][0] <= 22
    for token, renewed in ((last, True), (first, False)):
        answer = person.try_login(device_token=token)
        assert ("device_token" in answer.data) is renewed


def test_a_reset_by_mail_ends_a_lock(api, person, inbox):
    for _ in range(6):
        person.try_login("Aa1-not-the-one")
    api.post("/auth/password-reset/request", {"email": person.email})
    api.post("/auth/password-reset/confirm", {
        "token": inbox.reset_token(person.email), "new_password": NEW})
    assert person.try_login(NEW).status == 200


def test_a_hundred_failures_close_the_account_to_all_networks(api, stack,
                                                              person, inbox):
    """Row RL4: until the mailbox is proved."""
    person.try_login("wrong")
    stack.sql("update attempts set count = 100 where bucket = %s",
              "login.all:" + person.id)
    stack.sql("delete from attempts where bucket like %s",
              "login:" + person.id + "%")
    assert person.try_login().status == 423
    api.post("/auth/password-reset/request", {"email": person.email})
    api.post("/auth/password-reset/confirm", {
        "token": inbox.reset_token(person.email), "new_password": NEW})
    assert person.try_login(NEW).status == 200


def test_changing_the_password_ends_the_other_sessions(api, person, inbox):
    """Rows PW8, SE3."""
    other = person.another_session()
    answer = person.api.post("/auth/change-password", {
        "old_password": person.password, "new_password": NEW})
    assert answer.status == 200
    assert api.check(other.access) == 401
    assert api.post("/auth/refresh", {"refresh_token": other.refresh}
                    ).status == 401
    assert person.api.get("/auth/me").status == 200
    assert api.post("/auth/refresh", {"refresh_token": person.refresh}
                    ).status == 200
    assert person.try_login().status == 401
    assert person.try_login(NEW).status == 200
    mail = inbox.wait(person.email, "password was changed")
    assert "127.0.0.1" in text_of(mail) and html_of(mail)
    assert NEW not in text_of(mail)


@pytest.mark.parametrize("old", ["old_password", "current_password",
                                 "currentPassword", "oldPassword"])
@pytest.mark.parametrize("path", ["/auth/change-password",
                                  "/user/change-password"])
def test_both_names_of_the_old_password_work(api, person, path, old):
    assert person.api.post(path, {
        old: person.password, "newPassword": NEW}).status == 200


def test_a_wrong_old_password_changes_nothing_and_is_counted(api, person):
    """Row RL6: another door, the same guard."""
    for _ in range(5):
        answer = person.api.post("/auth/change-password", {
            "old_password": "wrong", "new_password": NEW})
        assert (answer.status, answer.code) == (401, "INVALID_PASSWORD")
    answer = person.api.post("/auth/change-password", {
        "old_password": person.password, "new_password": NEW})
    assert answer.status == 423
    assert person.try_login().status == 423


@pytest.mark.parametrize("new", ["short", "password123", None, "SAME"])
def test_a_bad_new_password_is_named(api, person, new):
    new = person.password if new == "SAME" else new
    answer = person.api.post("/auth/change-password", {
        "old_password": person.password, "new_password": new})
    assert (answer.status, answer.fields) == (422, ["new_password"])
    assert person.try_login().status == 200


def test_a_changed_password_voids_devices_and_links(api, person, inbox):
    """Row TD3."""
    token = person.try_login(remember_device=True).data["device_token"]
    api.post("/auth/password-reset/request", {"email": person.email})
    link = inbox.reset_token(person.email)
    person.api.post("/auth/change-password", {
        "old_password": person.password, "new_password": NEW})
    assert api.post("/auth/password-reset/confirm", {
        "token": link, "new_password": "Cc3-the-third-one"}).status == 400
    for _ in range(6):
        person.try_login("wrong")
    assert person.try_login(NEW, device_token=token).status == 423


def test_asking_for_a_reset_does_not_tell_who_is_known(api, person):
    """Row LG3."""
    known, unknown = (api.post("/auth/password-reset/request", {
        "email": email}) for email in (person.email,
                                       word() + "@example.test"))
    assert known.status == 200
    same_answer(known, unknown)


def test_a_reset_ends_everything_and_works_once(api, person, inbox):
    """Rows PR5, PR6."""
    other = person.another_session()
    api.post("/auth/password-reset/request", {"email": person.email})
    token = inbox.reset_token(person.email)
    body = {"token": token, "new_password": NEW}
    done = api.post("/auth/password-reset/confirm", body)
    assert done.status == 200
    assert "access_token" not in done.body.decode()  # no login by it
    for one in (person, other):
        assert api.check(one.access) == 401
        assert api.post("/auth/refresh", {"refresh_token": one.refresh}
                        ).status == 401
    assert person.try_login().status == 401
    assert person.try_login(NEW).status == 200
    again = api.post("/auth/password-reset/confirm",
                     dict(body, new_password="Cc3-the-third-one"))
    assert (again.status, again.code) == (400, "INVALID_TOKEN")
    assert inbox.wait(person.email, "password was changed")


def test_a_bad_new_password_does_not_spend_the_link(api, person, inbox):
    api.post("/auth/password-reset/request", {"email": person.email})
    token = inbox.reset_token(person.email)
    bad = api.post("/auth/password-reset/confirm", {
        "token": token, "new_password": "password"})
    assert (bad.status, bad.fields) == (422, ["new_password"])
    assert api.post("/auth/password-reset/confirm", {
        "token": token, "newPassword": NEW}).status == 200


def test_a_new_link_voids_the_one_before(api, person, inbox):
    """Row PR3."""
    for n in (1, 2):
        api.post("/auth/password-reset/request", {"email": person.email})
        inbox.reset_token(person.email, n)
    first, second = (inbox.reset_token(person.email, n) for n in (1, 2))
    body = {"new_password": NEW}
    assert api.post("/auth/password-reset/confirm", dict(body, token=first)
                    ).status == 400
    assert api.post("/auth/password-reset/confirm", dict(body, token=second)
                    ).status == 200


def test_links_point_where_the_configuration_says(api, stack, person, inbox):
    """Row PR1."""
    api.post("/auth/password-reset/request", {"email": person.email},
             X_Forwarded_Host="evil.test", Host="evil.test",
             Forwarded="host=evil.test", X_Forwarded_Proto="https")
    mail = inbox.wait(person.email, "Reset your")
    links = re.findall(r"https?://[^\s\"<]+", text_of(mail))
    assert links and all(link.startswith(stack["BASE_URL"])
                         for link in links)
    assert "evil.test" not in html_of(mail) + text_of(mail)
    # A scanner that opens the link spends nothing (row PR4).
    link = next(x for x in links if "token=" in x)
    api.root("GET", link[len(stack["BASE_URL"]):])
    assert api.post("/auth/password-reset/confirm", {
        "token": inbox.reset_token(person.email), "new_password": NEW,
    }).status == 200


def test_bad_links_all_fail_alike(api, person, inbox):
    """Rows PR6, PR7."""
    api.post("/auth/password-reset/request", {"email": person.email})
    token = inbox.reset_token(person.email)
    flip = "A" if token[-10] != "A" else "B"
    for bad in (token[:-1], token[:-10] + flip + token[-9:],
                token.upper(), "pwr_", "x", person.refresh,
                token.replace("pwr_", "prt_")):
        answer = api.post("/auth/password-reset/confirm", {
            "token": bad, "new_password": NEW})
        assert (answer.status, answer.code) == (400, "INVALID_TOKEN"), bad
    for empty in ({}, {"token": ""}, {"new_password": NEW}):
        assert api.post("/auth/password-reset/confirm", empty).status == 422


def test_an_expired_link_is_dead(api, stack, person, inbox):
    api.post("/auth/password-reset/request", {"email": person.email})
    token = inbox.reset_token(person.email)
    stack.sql("update one_time set expires_at = now() - interval '1 second'"
              " where user_id = %s and purpose = 'reset'", person.id)
    assert api.post("/auth/password-reset/confirm", {
        "token": token, "new_password": NEW}).status == 400


def test_no_secret_stands_in_the_database(api, stack, person, inbox):
    """Rows PR2, OT2, SE1."""
    api.post("/auth/password-reset/request", {"email": person.email})
    token, code = inbox.reset_token(person.email), inbox.otp(person.email)
    until(lambda: not stack.sql("select 1 from jobs where state = 'ready'"))
    for table in ("users", "sessions", "one_time", "jobs", "audit_logs"):
        dump = str(stack.sql(f"select t::text from {table} t"))
        for secret in (token, token[4:], person.password, person.refresh,
                       person.access):
            assert secret not in dump, table
    (mac,), = stack.sql("select mac from one_time where user_id = %s and"
                        " purpose = 'verify'", person.id)
    assert code.encode() not in bytes(mac) and len(bytes(mac)) == 32


@pytest.mark.stack(PASSWORD_HASH="bcrypt", BCRYPT_COST="10")
def test_bcrypt_by_configuration(api, stack):
    """Rows PW6, PW11: and back at the next login, as configured."""
    person = api.new_person()
    stored = stack.sql("select password_hash from users where id = %s",
                       person.id)[0][0]
    assert re.match(r"\$2[aby]\$10\$", stored)
    assert person.try_login().status == 200
    assert person.try_login("wrong").status == 401
    long = api.new_person(password="Aa1-" + "x" * 80 + "y")
    assert long.try_login("Aa1-" + "x" * 80 + "z").status == 401
    assert long.try_login().status == 200


def test_a_password_is_no_proof_of_who_has_a_factor(stack, person):
    """Changing it does not open what wants a recent one."""
    Enrolled(stack, person).prove()
    stack.age_proof(person, 11)
    new = person.password + "-new"
    assert person.api.post("/auth/change-password", {
        "old_password": person.password, "new_password": new}).status == 200
    assert person.api.get("/auth/me/export").code == "REAUTH_REQUIRED"


@pytest.mark.stack(PROFILE="strict")
def test_strict_a_change_wants_the_factor_of_the_last_five_minutes(stack):
    """Row PW8."""
    someone = staff(stack, "user")
    app = Enrolled(stack, someone).prove()
    body = {"old_password": someone.password,
            "new_password": someone.password + "-new"}
    stack.age_proof(someone, 6)
    refused = someone.api.post("/auth/change-password", body)
    assert (refused.status, refused.code) == (403, "REAUTH_REQUIRED")
    assert someone.api.post("/auth/2fa/verify",
                            {"code": app.code()}).status == 200
    assert someone.api.post("/auth/change-password", body).status == 200


@pytest.mark.stack(PROFILE="strict")
def test_strict_without_a_factor_the_old_password_is_enough(stack):
    someone = staff(stack, "user")
    assert someone.api.post("/auth/change-password", {
        "old_password": someone.password,
        "new_password": someone.password + "-new"}).status == 200


def test_the_owner_hears_of_failures_before_a_login(stack, person, inbox):
    """Row LG11: from a place that is known, too."""
    person.login()
    for _ in range(4):
        assert person.try_login("wrong").status == 401
    person.login()
    for _ in range(5):
        assert person.try_login("wrong").status == 401
    stack.sql("delete from attempts where bucket like %s",
              f"login:{person.id}:%")
    person.login()
    mail = inbox.wait(person.email, "New login")
    assert "after 5 attempts" in text_of(mail)
    assert len(inbox.of(person.email, "New login")) == 1


def test_and_before_one_by_a_second_factor(stack, person, inbox):
    """Row LG11."""
    app = Enrolled(stack, person)
    app.login()
    for _ in range(5):
        assert person.try_login("wrong").status == 401
    stack.sql("delete from attempts where bucket like %s",
              f"login:{person.id}:%")
    app.login()
    assert "after 5 attempts" in text_of(
        inbox.wait(person.email, "New login"))


def test_64_wrong_passwords_at_once_cost_five_hashes(stack, api, person):
    """Row RL2: without limits it is the lockout that holds."""
    before = hashes(stack)
    answers = at_once(api, "/auth/login", [
        {"identifier": person.email, "password": "Aa1-not-the-one"}] * 64)
    statuses = [status for status, _ in answers]
    assert statuses.count(401) == 5 and statuses.count(423) == 59
    assert hashes(stack) - before == 5
    assert person.try_login().status == 423


def test_the_password_without_the_factor_clears_no_failures(stack, person):
    """Row RL7: who has the password does not buy tries by it."""
    app = Enrolled(stack, person)
    for _ in range(4):
        assert person.try_login("wrong").status == 401
    for _ in range(3):
        app.challenge()
    assert person.try_login("wrong").status == 401
    assert person.try_login().status == 423


def test_a_whole_login_clears_them(stack, person):
    """Row RL7."""
    app = Enrolled(stack, person)
    for _ in range(3):
        for _ in range(4):
            assert person.try_login("wrong").status == 401
        app.login()
