"""Registration, verification and profile."""
import re
import secrets

import pytest

from maildir import html_of, text_of
from until import until

PROFILE = {
    "id", "numeric_id", "email", "username", "first_name", "last_name",
    "full_name", "role", "roles", "permissions", "is_active", "is_verified",
    "two_factor_enabled", "profile_picture_url", "cover_photo_url",
    "last_login", "created_at", "updated_at",
}


def word():
    return "u" + secrets.token_hex(6)


def form(**change):
    name = word()
    return dict({"email": name + "@example.test", "username": name,
                 "password": "Aa1-" + secrets.token_urlsafe(12)}, **change)


@pytest.mark.parametrize("path", ["/auth/register", "/auth/signup"])
def test_registering_gives_the_user_and_a_session(api, path):
    sent = form(first_name="Ada", last_name="Lovelace")
    answer = api.post(path, sent)
    assert answer.status == 201
    user = answer.data["user"]
    assert user["email"] == sent["email"]
    assert user["username"] == sent["username"]
    assert user["full_name"] == "Ada Lovelace"
    assert user["role"] == "user" and user["roles"] == ["user"]
    assert user["is_active"] is True and user["is_verified"] is False
    assert answer.data["token_type"] == "Bearer"
    assert answer.data["expires_in"] == 900
    assert api.check(answer.data["access_token"]) == 200
    assert "password" not in answer.body.decode().lower()


def test_a_name_given_whole_wins_over_its_parts(api):
    answer = api.post("/auth/register", form(
        first_name="Ada", last_name="L", fullName="Countess of Lovelace"))
    assert answer.data["user"]["full_name"] == "Countess of Lovelace"


def test_no_field_of_the_server_can_be_set_by_the_client(api, stack):
    """Row RB5."""
    sent = form(role="super_admin", roles=["admin"], is_verified=True,
                isActive=False, id="0" * 8, numeric_id=1,
                password_hash="x")
    user = api.post("/auth/register", sent).data["user"]
    assert (user["role"], user["is_verified"], user["is_active"]) == (
        "user", False, True)
    assert user["id"] != "0" * 8


@pytest.mark.parametrize("field, value", [
    ("email", None), ("email", ""), ("email", "no-at"), ("email", "a@b@c.de"),
    ("email", "a b@example.test"), ("email", '"a"@example.test'),
    ("email", "a@example.test\r\nBcc: b@example.test"),
    ("email", "a%b@example.test"), ("email", "x" * 250 + "@example.test"),
    ("email", "k\u043estas@example.test"), ("email", 7), ("email", ["a@b.de"]),
    ("username", None), ("username", ""), ("username", "a b"),
    ("username", "a@b.test"), ("username", "x" * 51), ("username", "аdmin"),
    ("username", {"a": 1}), ("username", "a"), ("username", "."),
    ("username", "_-"), ("username", "null"), ("username", "Undefined"),
    ("username", "ME"), ("username", "users"), ("username", "super_admin"),
    ("password", None), ("password", ""), ("password", "Aa1-xyz"),
    ("password", "alllowercase"), ("password", "Aa1-" + "x" * 125),
    ("password", 12345678), ("password", "Password123"),
    ("first_name", "x" * 101), ("last_name", "a\nb"), ("full_name", 3),
])
def test_a_bad_field_is_named(api, field, value):
    """Rows AP5, LG6, PW1, PW2, PW4."""
    sent = form()
    sent[field] = value
    if value is None:
        del sent[field]
    answer = api.post("/auth/register", sent)
    assert answer.status == 422, answer
    assert answer.code == "VALIDATION_FAILED"
    assert answer.fields == [field]
    assert answer.json["errors"][0]["message"]


def test_all_bad_fields_are_named_at_once(api):
    answer = api.post("/auth/register", {"email": "x", "username": "a b"})
    assert answer.status == 422
    assert set(answer.fields) == {"email", "username", "password"}


@pytest.mark.parametrize("password", [
    "pässwörd-ÄÖ-1", "correct horse battery staple", "🐎🐎🐎🐎🐎🐎🐎🐎 Aa1",
    "  Aa1-leading and trailing  ", "Aa1-" + "x" * 124,
    "aaaa bbbb cccc dddd",
])
def test_any_text_can_be_a_password_byte_for_byte(api, password):
    """Rows PW2, PW3, PW5."""
    sent = form(password=password)
    assert api.post("/auth/register", sent).status == 201
    login = {"email": sent["email"]}
    assert api.post("/auth/login", dict(login, password=password)
                    ).status == 200
    for wrong in (password + " ", password[:-1], password.swapcase()):
        if wrong != password:
            assert api.post("/auth/login", dict(login, password=wrong)
                            ).status == 401


def test_nothing_of_a_long_password_is_cut(api):
    """Row PW2: bcrypt's 72 bytes."""
    sent = form(password="Aa1-" + "x" * 80 + "y")
    assert api.post("/auth/register", sent).status == 201
    assert api.post("/auth/login", {
        "email": sent["email"], "password": "Aa1-" + "x" * 80 + "z",
    }).status == 401


@pytest.mark.parametrize("make", [
    lambda s: s["username"] + "1A", lambda s: s["username"].upper() + "-1x",
    lambda s: s["email"], lambda s: "Postern-12",
])
def test_a_password_of_its_own_context_is_refused(api, make):
    """Row PW4."""
    sent = form()
    sent["password"] = make(sent)
    answer = api.post("/auth/register", sent)
    assert (answer.status, answer.fields) == (422, ["password"])


def test_an_address_or_name_in_use_is_a_conflict(api, person):
    other = form()
    for change, code in (
            ({"email": person.email}, "EMAIL_TAKEN"),
            ({"email": person.email.upper()}, "EMAIL_TAKEN"),
            ({"username": person.username}, "USERNAME_TAKEN"),
            ({"username": person.username.upper()}, "USERNAME_TAKEN")):
        answer = api.post("/auth/register", dict(other, **change))
        assert (answer.status, answer.code) == (409, code)
    assert api.post("/auth/register", other).status == 201


def test_the_code_is_mailed_as_text_and_html(api, person, inbox):
    mail = inbox.wait(person.email, "verification code")
    code = inbox.otp(person.email)
    assert code in html_of(mail) and code in text_of(mail)
    assert mail["Subject"] == "Your Postern verification code: " + code
    assert mail["Auto-Submitted"] == "auto-generated"


def test_a_display_name_cannot_write_the_mail(api, inbox):
    """Rows HT4, HT7."""
    for name in ('<b onclick="x">Bobby</b> {{code}}', "www.evil.test",
                 "Won! http://evil.test"):
        mail = inbox.wait(api.new_person(full_name=name).email)
        assert "<b onclick" not in html_of(mail)
        for text in (html_of(mail), text_of(mail)):
            assert "evil.test" not in text


def test_the_code_verifies_once_and_welcomes(api, person, inbox):
    body = {"email": person.email, "otp": inbox.otp(person.email)}
    answer = person.api.post("/auth/verify-email", body)
    assert answer.status == 200
    assert answer.data["user"]["is_verified"] is True
    assert person.api.get("/auth/me").data["is_verified"] is True
    again = api.post("/auth/verify-email", body)
    assert (again.status, again.code) == (400, "INVALID_CODE")
    mail = inbox.wait(person.email, "Welcome")
    assert text_of(mail) and html_of(mail)


@pytest.mark.parametrize("name", ["otp", "code"])
def test_the_code_has_two_names(api, person, inbox, name):
    assert api.post("/auth/verify-email", {
        "email": person.email.upper(), name: inbox.otp(person.email),
    }).status == 200


def other(code):
    return f"{(int(code) + 1) % 1000000:06d}"


def test_three_wrong_codes_spend_the_right_one(api, person, inbox):
    """Row OT1."""
    code = inbox.otp(person.email)
    for _ in range(3):
        assert api.post("/auth/verify-email", {
            "email": person.email, "otp": other(code)}).status == 400
    answer = api.post("/auth/verify-email", {
        "email": person.email, "otp": code})
    assert (answer.status, answer.code) == (400, "INVALID_CODE")
    assert person.api.get("/auth/me").data["is_verified"] is False


def test_two_wrong_codes_do_not(api, person, inbox):
    code = inbox.otp(person.email)
    for _ in range(2):
        api.post("/auth/verify-email", {
            "email": person.email, "otp": other(code)})
    assert api.post("/auth/verify-email", {
        "email": person.email, "otp": code}).status == 200


def test_a_new_code_voids_the_one_before(api, person, inbox):
    """Row OT4."""
    first = inbox.otp(person.email)
    api.post("/auth/resend-otp", {"email": person.email})
    second = inbox.otp(person.email, 2)
    body = {"email": person.email}
    if first != second:
        assert api.post("/auth/verify-email", dict(body, otp=first)
                        ).status == 400
    assert api.post("/auth/verify-email", dict(body, otp=second)
                    ).status == 200


def test_attempts_are_bounded_over_all_codes_of_an_address(api, person,
                                                           inbox):
    """Row OT4: another code is no new budget; switched-off limits neither."""
    statuses = []
    for n in range(6):
        code = inbox.otp(person.email, n + 1)
        statuses += [api.post("/auth/verify-email", {
            "email": person.email, "otp": other(code)}).status
            for _ in range(3)]
        if n < 5:
            api.post("/auth/resend-otp", {"email": person.email})
    assert statuses == [400] * 15 + [429] * 3
    assert api.post("/auth/verify-email", {
        "email": person.email, "otp": code}).status == 429


def test_a_code_of_somebody_else_is_wrong(api, person, inbox):
    """Row OT3."""
    stranger = api.new_person()
    mine, theirs = inbox.otp(person.email), inbox.otp(stranger.email)
    if mine != theirs:
        assert api.post("/auth/verify-email", {
            "email": person.email, "otp": theirs}).status == 400


@pytest.mark.parametrize("otp", [
    "", "12345", "1234567", "12 456", "abcdef", "１２３４５６", 123456, None,
    ["123456"], {"a": 1}, True,
])
def test_a_malformed_code_is_no_attempt(api, person, inbox, otp):
    """Row TO6."""
    answer = api.post("/auth/verify-email", {
        "email": person.email, "otp": otp})
    assert (answer.status, answer.fields) == (422, ["otp"])


def same_answer(one, two):
    """Alike in all that a stranger could tell apart."""
    assert one.status == two.status
    assert sorted(one.headers.keys()) == sorted(two.headers.keys())
    hide = re.compile(rb'"(timestamp|requestId)":"[^"]*"')
    assert hide.sub(b"", one.body) == hide.sub(b"", two.body)


def test_resend_and_verify_do_not_tell_who_is_known(api, person, inbox):
    """Row LG3."""
    verified = api.new_person()
    api.post("/auth/verify-email", {"email": verified.email,
                                    "otp": inbox.otp(verified.email)})
    for path, body in (("/auth/resend-otp", {}),
                       ("/auth/verify-email", {"otp": "000000"})):
        known, done, unknown = (
            api.post(path, dict(body, email=email)) for email in
            (person.email, verified.email, word() + "@example.test"))
        same_answer(known, unknown)
        same_answer(done, unknown)


def test_a_profile_is_complete_on_both_paths(api, person):
    for path in ("/auth/me", "/user/profile"):
        answer = person.api.get(path)
        assert answer.status == 200
        assert set(answer.data) == PROFILE
        assert answer.data["id"] == person.id


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("path", ["/auth/me", "/user/profile"])
def test_a_profile_merges(api, method, path):
    person = api.new_person(first_name="Ada", last_name="L")
    answer = person.api.send(method, path, {"lastName": "Lovelace"})
    assert answer.status == 200
    assert set(answer.data) == PROFILE
    assert answer.data["first_name"] == "Ada"
    assert answer.data["last_name"] == "Lovelace"
    assert person.api.get("/auth/me").data["last_name"] == "Lovelace"


def test_a_profile_asked_again_and_again_is_the_one_of_now(api):
    """Row SE8: each process may have printed the one of before, for the mount
    that was asked."""
    person = api.new_person(first_name="One")
    other_mount = person.api.of(person.access, "/api")
    for name in ("Two", "Three"):
        for _ in range(8):
            person.api.get("/auth/me")
            other_mount.get("/auth/me")
        assert person.api.patch("/auth/me", {"first_name": name}
                                ).status == 200
        for _ in range(8):
            assert person.api.get("/auth/me").data["first_name"] == name
            data = other_mount.get("/auth/me").data
            assert data["firstName"] == data["first_name"] == name


def test_a_profile_changes_nothing_but_what_is_the_users(api, person):
    """Row RB5."""
    before = person.api.get("/auth/me").data
    answer = person.api.put("/auth/me", {
        "role": "admin", "roles": ["super_admin"], "email": "x@example.test",
        "is_verified": True, "id": "1", "password": "Aa1-other-other",
        "permissions": ["users.read"], "two_factor_enabled": True})
    assert answer.status == 200
    after = person.api.get("/auth/me").data
    before.pop("updated_at"), after.pop("updated_at")
    assert after == before


def test_a_user_name_changes_once_it_is_free(api, person):
    other_person = api.new_person()
    answer = person.api.patch("/auth/me", {
        "username": other_person.username.upper()})
    assert (answer.status, answer.code) == (409, "USERNAME_TAKEN")
    name = word()
    assert person.api.patch("/auth/me", {"username": name}).status == 200
    assert api.post("/auth/login", {"username": name.upper(),
                                    "password": person.password}
                    ).status == 200
    for bad in ("a b", ".", "me", "null"):
        answer = person.api.patch("/auth/me", {"username": bad})
        assert (answer.status, answer.fields) == (422, ["username"])


def test_a_registration_and_its_mail_are_one_thing(stack, person):
    """Rows RE2, LO2, LO3."""
    def audited():
        return stack.sql(
            "select result, ip_address, request_id from audit_logs where"
            " user_id = %s and action = 'auth.register'", person.id)
    assert audited() == [("success", "127.0.0.1", person.registered.headers[
        "X-Request-Id"])]
    until(lambda: stack.sql("select 1 from jobs where state = 'done'"))


@pytest.mark.stack(EMAIL_VERIFICATION="required")
class TestVerificationRequired:
    def test_nothing_opens_before_the_code(self, api, inbox):
        """Rows LG4, LG7."""
        person = api.new_person()
        data = person.registered.data
        assert data["requires_verification"] is True
        assert "access_token" not in data and "refresh_token" not in data
        answer = person.try_login()
        assert (answer.status, answer.code) == (403, "EMAIL_NOT_VERIFIED")
        wrong = person.try_login(password="Aa1-not-the-one")
        assert (wrong.status, wrong.code) == (401, "INVALID_CREDENTIALS")
        api.post("/auth/verify-email", {"email": person.email,
                                        "otp": inbox.otp(person.email)})
        assert person.try_login().status == 200

    def test_registering_does_not_tell_who_is_known(self, api, inbox):
        """Row LG3: the mail tells."""
        person = api.new_person()
        api.post("/auth/verify-email", {"email": person.email,
                                        "otp": inbox.otp(person.email)})
        new = api.post("/auth/register", form())
        again = api.post("/auth/register", form(email=person.email))
        assert again.status == new.status == 201
        assert again.json["message"] == new.json["message"]
        assert set(again.data["user"]) == set(new.data["user"])
        assert again.data["user"]["id"] != person.id
        third = api.post("/auth/register", form())
        numbers = [a.data["user"]["numeric_id"] for a in (new, again, third)]
        assert numbers == list(range(numbers[0], numbers[0] + 3))
        inbox.wait(person.email, "already have")
        assert person.try_login().status == 200

    def test_a_taken_name_is_no_probe_of_addresses(self, api, inbox):
        """Row LG3."""
        person = api.new_person()
        api.post("/auth/verify-email", {"email": person.email,
                                        "otp": inbox.otp(person.email)})
        taken = api.new_person().username
        known, unknown = (api.post("/auth/register", form(
            email=email, username=taken))
            for email in (person.email, word() + "@example.test"))
        same_answer(known, unknown)
        assert known.code == "USERNAME_TAKEN"


@pytest.mark.stack(EMAIL_VERIFICATION="off")
def test_without_verification_everybody_is_verified_and_welcome(api, inbox):
    person = api.new_person()
    assert person.registered.data["user"]["is_verified"] is True
    assert person.access
    inbox.wait(person.email, "Welcome")
    assert not inbox.of(person.email, "verification code")


@pytest.mark.stack(APP_NAME="Star Trek: Website")
def test_a_colon_of_the_name_parts_no_label(person):
    """Applications take the first one for the end of the issuer."""
    url = person.api.post("/auth/2fa/setup").data["otpauth_url"]
    assert url.startswith("otpauth://totp/Star%20Trek%20Website:" +
                          person.email + "?")
    assert "&issuer=Star%20Trek%20Website&" in url


@pytest.mark.stack(APP_NAME="Vignette")
def test_the_service_has_the_name_it_is_given(api, inbox):
    """Two brands are two instances."""
    person = api.new_person()
    mail = inbox.wait(person.email)
    assert "Vignette" in mail["Subject"] and "Vignette" in html_of(mail)
    assert "Vignette" in mail["From"]
    assert api.get("/info").data["service"] == "Vignette"
    assert api.root("GET", "/health").json["service"] == "Vignette"


@pytest.mark.parametrize("accept,german", [
    ("de", True), ("de-AT,de;q=0.9", True),
    ("xx, de;q=0.8, en;q=0.7", True), ("DE;q=0.5", True),
    ("en-GB,en;q=0.9,de;q=0.8", False), ("de;q=0.3, en;q=0.4", False),
    ("de;q=0", False), ("xx", False), ("../de", False), (None, False)])
def test_a_mail_is_in_the_language_the_request_prefers(api, inbox, accept,
                                                       german):
    """The most preferred one that the mail is written in, both its parts."""
    sent = form()
    headers = {"Accept_Language": accept} if accept else {}
    assert api.post("/auth/register", sent, **headers).status == 201
    mail = inbox.wait(sent["email"])
    words = "Bitte bestätigen Sie" if german else "Please confirm your"
    assert words in text_of(mail) and words in html_of(mail)
    assert f'<html lang="{"de" if german else "en"}">' in html_of(mail)
