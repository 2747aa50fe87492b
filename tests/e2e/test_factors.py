"""Second factors: set-up, the login challenge, backup codes, devices."""
import base64
import concurrent.futures
import json
import struct
import urllib.parse
import zlib

import pytest

from factor import Enrolled, code


@pytest.fixture
def enrolled(stack, person):
    return Enrolled(stack, person)


def at_once(work, n=32):
    with concurrent.futures.ThreadPoolExecutor(n) as pool:
        return list(pool.map(lambda _: work(), range(n)))


def audited(stack, user_id, action, result="success"):
    return stack.sql(
        "select count(*) from audit_logs where user_id = %s and action = %s "
        "and result = %s", user_id, action, result)[0][0]


def pixels(uri):
    """Rows of a one-bit PNG as strings, and whether all its sums are right."""
    data = base64.b64decode(uri.removeprefix("data:image/png;base64,"),
                            validate=True)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed, size = 8, b"", None
    while at < len(data):
        n, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + n]
        assert struct.unpack(">I", data[at + 8 + n:at + 12 + n])[0] == \
            zlib.crc32(kind + body)
        if kind == b"IHDR":
            size = struct.unpack(">II", body[:8])
            assert body[8:] == bytes([1, 0, 0, 0, 0])
        packed += body if kind == b"IDAT" else b""
        at += 12 + n
    raw, row = zlib.decompress(packed), 1 + (size[0] + 7) // 8
    assert size[0] == size[1] and len(raw) == row * size[1]
    return [raw[y * row + 1:(y + 1) * row] for y in range(size[1])]


# Set-up.

def test_setup_gives_a_secret_its_uri_a_picture_and_ten_codes(person):
    """Rows TO1, BC1, TO9."""
    data = person.api.post("/auth/2fa/setup").data
    assert len(base64.b32decode(data["secret"])) == 20
    uri = urllib.parse.urlsplit(data["otpauth_url"])
    query = dict(urllib.parse.parse_qsl(uri.query))
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert uri.path == "/Postern:" + person.email
    assert query == {"secret": data["secret"], "issuer": "Postern",
                     "algorithm": "SHA1", "digits": "6", "period": "30"}
    assert data["qr_code_url"] == data["otpauth_url"]
    assert data["qrCode"] == data["qr_code"]
    rows = pixels(data["qr_code"])
    assert any(b != 0xff for b in b"".join(rows)) and \
        set(rows[0]) <= {0xff, 0xff << 8 - len(rows) % 8 & 0xff or 0xff}
    codes = data["backup_codes"]
    assert len(set(codes)) == 10 and len({c[:2] for c in codes}) == 10
    for one in codes:
        assert len(one) == 16
        assert set(one) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


def test_enabling_shows_the_same_ten_codes_again(stack, enrolled):
    """Row BC1."""
    assert enrolled.enabled.data["backup_codes"] == enrolled.backup
    assert enrolled.person.api.get("/auth/2fa/status").data == {
        "enabled": True, "methods": ["totp"], "required": False,
        "backup_codes_remaining": 10}
    [method] = enrolled.person.api.get("/auth/2fa/methods").data
    assert method["type"] == "totp" and method["restricted"] is False
    assert enrolled.person.api.get("/auth/me").data["two_factor_enabled"]
    assert audited(stack, enrolled.person.id, "2fa.enabled") == 1


def test_backup_codes_are_worth_nothing_before_they_are_enabled(stack,
                                                                person):
    codes = person.api.post("/auth/2fa/setup").data["backup_codes"]
    answer = person.api.post("/auth/2fa/verify", {"code": codes[0]})
    assert answer.status == 409
    assert stack.sql("select count(*) from backup_codes where subject_id = "
                     "%s", person.id) == [(0,)]


def test_nothing_at_rest_is_readable(stack, enrolled):
    """Rows TO8, BC2."""
    raw = base64.b32decode(enrolled.secret)
    [(secret,)] = stack.sql("select secret from factors where subject_id = "
                            "%s", enrolled.person.id)
    assert raw not in bytes(secret)
    rows = stack.sql("select prefix, hash from backup_codes where subject_id "
                     "= %s", enrolled.person.id)
    assert {p for p, _ in rows} == {c[:2] for c in enrolled.backup}
    assert len({h for _, h in rows}) == 10
    assert all(len(h) == len("sha256$") + 64 for _, h in rows)
    assert not any(c[2:] in h for _, h in rows for c in enrolled.backup)


def test_a_wrong_code_enables_nothing_and_five_end_the_setup(person):
    secret = person.api.post("/auth/2fa/setup").data["secret"]
    right = {code(secret, s) for s in (-2, -1, 0, 1, 2)}
    wrong = next(f"{i:06d}" for i in range(9) if f"{i:06d}" not in right)
    for _ in range(5):
        answer = person.api.post("/auth/2fa/enable", {"code": wrong})
        assert (answer.status, answer.code) == (400, "INVALID_CODE")
    answer = person.api.post("/auth/2fa/enable", {"code": code(secret)})
    assert answer.status == 409
    assert not person.api.get("/auth/2fa/status").data["enabled"]


def test_a_setup_belongs_to_the_session_that_asked(person):
    """Row TO1."""
    other = person.another_session()
    secret = person.api.post("/auth/2fa/setup").data["secret"]
    assert other.api.post("/auth/2fa/enable",
                          {"code": code(secret)}).status == 409
    assert person.api.post("/auth/2fa/enable",
                           {"code": code(secret)}).status == 200


def test_who_asks_again_is_shown_the_same_until_he_enabled_it(stack, person):
    """The picture that was scanned first is no worse than the second."""
    first = person.api.post("/auth/2fa/setup").data
    assert person.api.post("/mfa/setup").data["secret"] == first["secret"]
    stack.sql("update factors set pending_until = now() + interval "
              "'5 minutes' where subject_id = %s", person.id)
    again = person.api.post("/auth/2fa/setup").data
    assert again == first
    enabled = person.api.post("/auth/2fa/enable",
                              {"code": code(first["secret"])})
    assert enabled.data["backup_codes"] == first["backup_codes"]


def test_an_application_asks_again_for_one_of_its_users(application):
    first, other, again = (application.post("/2fa/totp/setup", {
        "userId": who}).data for who in ("user-1", "user-2", "user-1"))
    assert again == first and other["secret"] != first["secret"]


def test_asking_again_gives_no_more_tries(person):
    secret = person.api.post("/auth/2fa/setup").data["secret"]
    right = {code(secret, s) for s in (-2, -1, 0, 1, 2)}
    wrong = next(f"{i:06d}" for i in range(9) if f"{i:06d}" not in right)
    for _ in range(5):
        person.api.post("/auth/2fa/enable", {"code": wrong})
        last = person.api.post("/auth/2fa/setup").data["secret"]
    assert last != secret


def test_another_session_is_shown_another_secret(stack, person):
    """Rows TO1, TO3: and its setup replaces the one that waited."""
    first = person.api.post("/auth/2fa/setup").data["secret"]
    other = person.another_session()
    second = other.api.post("/auth/2fa/setup").data["secret"]
    assert first != second
    assert person.api.post("/auth/2fa/enable",
                           {"code": code(first)}).status == 409
    assert other.api.post("/auth/2fa/enable",
                          {"code": code(second)}).status == 200


def test_a_setup_that_is_over_is_not_shown_again(stack, person):
    first = person.api.post("/auth/2fa/setup").data["secret"]
    stack.sql("update factors set pending_until = now() where subject_id ="
              " %s", person.id)
    assert person.api.post("/auth/2fa/setup").data["secret"] != first


def test_a_second_setup_neither_shows_nor_replaces_the_live_secret(enrolled):
    """Row TO3."""
    enrolled.prove()
    answer = enrolled.person.api.post("/auth/2fa/setup")
    assert answer.status == 200
    assert answer.data["secret"] != enrolled.secret
    assert enrolled.verify(enrolled.challenge(), code(
        answer.data["secret"])).status == 401
    assert enrolled.login().status == 200


def test_the_factor_is_replaced_by_the_code_of_the_new_one(stack, enrolled):
    person = enrolled.prove().person
    new = person.api.post("/auth/2fa/setup").data
    assert person.api.post("/auth/2fa/enable", {
        "code": code(new["secret"], -1)}).data["backup_codes"] == \
        new["backup_codes"]
    assert enrolled.verify(enrolled.challenge(),
                           enrolled.code()).status == 401
    assert enrolled.verify(enrolled.challenge(),
                           enrolled.backup[0]).status == 401
    assert enrolled.verify(enrolled.challenge(),
                           code(new["secret"])).status == 200


# Whatever changes how one gets in, below every mount.
CHANGES = [
    ("POST", "/auth/2fa/setup", {}), ("POST", "/mfa/setup", {}),
    ("POST", "/2fa/totp/setup", {}), ("POST", "/2fa/email/setup", {}),
    ("POST", "/2fa/sms/setup", {"phone": "+49 30 1234567"}),
    ("POST", "/mfa/enable", {"code": "123456"}),
    ("POST", "/2fa/totp/verify-setup", {"code": "123456"}),
    ("POST", "/2fa/sms/verify-setup", {"code": "123456"}),
    ("POST", "/2fa/email/verify-setup", {"code": "123456"}),
    ("POST", "/auth/2fa/disable", {}), ("POST", "/mfa/disable", {}),
    ("POST", "/mfa/backup-codes", {}),
    ("POST", "/auth/recovery/methods",
     {"type": "email", "value": "elsewhere@example.test"}),
    ("POST", "/auth/recovery/methods/1/verify", {"code": "123456"}),
    ("DELETE", "/auth/recovery/methods/1", {}),
    ("POST", "/auth/change-email", {"new_email": "new@example.test"}),
    ("POST", "/auth/change-email/confirm", {"token": "pem_x"}),
    ("GET", "/auth/me/export", None), ("DELETE", "/auth/me", {})]


def refused_for_want_of_proof(api):
    for mount in ("/api/v1", "/api"):
        for method, path, body in CHANGES:
            answer = api.of(api.token, mount).send(method, path, body)
            assert (answer.status, answer.code) == (403, "REAUTH_REQUIRED"), (
                path, answer)


def test_an_old_session_changes_nothing_of_how_one_gets_in(stack, person):
    """Rows TO2, SE9: nor does it set up the first factor, which would be its
    own proof of all the rest."""
    setup = person.api.post("/auth/2fa/setup").data
    stack.age_proof(person, 11)
    refused_for_want_of_proof(person.api)
    answer = person.api.post("/auth/2fa/enable",
                             {"code": code(setup["secret"])})
    assert answer.code == "REAUTH_REQUIRED"
    assert not person.api.get("/auth/2fa/status").data["enabled"]


def test_an_old_session_cannot_replace_a_factor(stack, enrolled):
    """Row TO2."""
    enrolled.prove()
    stack.age_proof(enrolled.person, 11)
    refused_for_want_of_proof(enrolled.person.api)


def test_enabling_a_factor_is_no_proof(stack, person):
    stack.age_proof(person, 9)
    before = stack.sql("select proved_at, amr from sessions where id = %s",
                       person.session)
    enrolled = Enrolled(stack, person)
    assert stack.sql("select proved_at, amr from sessions where id = %s",
                     person.session) == before
    refused_for_want_of_proof(person.api)
    enrolled.prove()
    assert person.api.get("/auth/me/export").status == 200


def test_a_trusted_device_opens_nothing_that_wants_the_factor(enrolled):
    """Row TD2: it stands for the factor at login and nowhere else; nor does
    the password do that its thief has too."""
    person = enrolled.person
    device = enrolled.login(remember_device=True).data["device_token"]
    person.take(person.try_login(device_token=device).data)
    refused_for_want_of_proof(person.api)
    for method, path in (("POST", "/auth/2fa/disable"),
                         ("DELETE", "/auth/me")):
        answer = person.api.send(method, path,
                                 {"password": person.password})
        assert answer.code == "REAUTH_REQUIRED"
    enrolled.prove()
    assert person.api.get("/auth/me/export").status == 200
    assert person.api.post("/auth/2fa/disable").status == 200


def test_enabling_ends_other_sessions_and_forgets_devices(person, stack):
    """Rows TO12, TD3."""
    other = person.another_session()
    device = person.try_login(remember_device=True).data["device_token"]
    Enrolled(stack, person)
    assert person.anonymous.check(other.access) == 401
    assert person.anonymous.check(person.access) == 200
    assert person.try_login(device_token=device).data["requires_mfa"]
    assert person.api.get("/auth/2fa/devices").data == []


@pytest.mark.parametrize("bad", [
    123456, None, ["123456"], "12345", "1234567", "12345a", "１２３４５６",
    "", {"a": 1}, True, "123 45"])
def test_what_is_no_code_is_refused_and_bypasses_nothing(enrolled, bad):
    """Row TO6."""
    challenge = enrolled.challenge()
    answer = enrolled.verify(challenge, bad)
    assert answer.status == 422 and answer.fields == ["code"]
    assert enrolled.verify(challenge, enrolled.code()).status == 200


# The challenge.

def test_a_login_with_a_factor_gives_one_challenge_and_no_session(stack,
                                                                 enrolled):
    """Rows LG8, LG13."""
    sessions = stack.sql("select count(*) from sessions where user_id = %s",
                         enrolled.person.id)
    data = enrolled.person.try_login().data
    names = {data[n] for n in ("temp_token", "user_id", "userId",
                               "access_token")}
    assert len(names) == 1 and data["token_type"] == "challenge"
    assert data["requires_two_factor"] and data["requires_mfa"]
    assert data["requiresMFA"] and data["methods"] == ["totp", "backup"]
    assert "refresh_token" not in data and "user" not in data
    assert stack.sql("select count(*) from sessions where user_id = %s",
                     enrolled.person.id) == sessions


@pytest.mark.parametrize("call", [
    ("GET", "/auth/me", None), ("GET", "/auth/sessions", None),
    ("POST", "/auth/2fa/setup", {}), ("POST", "/auth/2fa/disable", {}),
    ("POST", "/auth/2fa/backup-codes", {}), ("POST", "/auth/logout", {}),
    ("GET", "/auth/2fa/status", None), ("GET", "/auth/2fa/devices", None),
    ("POST", "/api-keys", {"name": "x", "scopes": ["*"]})])
def test_a_challenge_opens_nothing_but_the_verify_routes(enrolled, call):
    challenge = enrolled.challenge()
    method, path, body = call
    assert enrolled.person.anonymous.of(challenge).send(
        method, path, body).status == 401
    assert enrolled.person.anonymous.post(
        "/auth/refresh", {"refresh_token": challenge}).status == 401


def test_a_user_id_and_a_code_without_a_challenge_log_nobody_in(enrolled):
    for who in (enrolled.person.id, enrolled.person.email):
        answer = enrolled.person.anonymous.post(
            "/mfa/verify", {"userId": who, "token": enrolled.code()})
        assert (answer.status, answer.code) == (401, "INVALID_CHALLENGE")
    assert enrolled.person.anonymous.post(
        "/mfa/verify", {"token": enrolled.code()}).status == 401


def test_five_wrong_codes_end_a_challenge_and_are_told(stack, enrolled,
                                                      inbox):
    """Rows TO10, LG11."""
    challenge, wrong = enrolled.challenge(), enrolled.wrong()
    for _ in range(5):
        answer = enrolled.verify(challenge, wrong)
        assert (answer.status, answer.code) == (401, "INVALID_CODE")
    answer = enrolled.verify(challenge, enrolled.code())
    assert (answer.status, answer.code) == (401, "INVALID_CHALLENGE")
    assert audited(stack, enrolled.person.id, "2fa.failed", "failure") == 5
    inbox.wait(enrolled.person.email, "Somebody may know")


def test_a_challenge_works_once(enrolled):
    challenge = enrolled.challenge()
    assert enrolled.verify(challenge, enrolled.code()).status == 200
    assert enrolled.verify(challenge, enrolled.code(1)).status == 401


def test_a_challenge_ends_after_five_minutes(stack, enrolled):
    challenge = enrolled.challenge()
    [(left,)] = stack.sql(
        "update challenges set expires_at = now() where user_id = %s "
        "returning extract(epoch from expires_at - created_at)",
        enrolled.person.id)
    assert enrolled.verify(challenge, enrolled.code()).status == 401


def test_a_challenge_ends_with_the_password_it_was_made_by(enrolled):
    """Row TO10: bound to the proof."""
    challenge = enrolled.challenge()
    assert enrolled.person.api.post("/auth/change-password", {
        "old_password": enrolled.person.password,
        "new_password": "Another-Horse-9"}).status == 200
    assert enrolled.verify(challenge, enrolled.code()).status == 401


def test_a_challenge_ends_with_the_account(stack, enrolled):
    challenge = enrolled.challenge()
    stack.sql("update users set is_active = false where id = %s",
              enrolled.person.id)
    assert enrolled.verify(challenge, enrolled.code()).status == 401


def test_of_another_user_neither_code_nor_challenge_counts(api, stack,
                                                           enrolled):
    other = Enrolled(stack, api.new_person())
    challenge = enrolled.challenge()
    assert enrolled.verify(challenge, other.code()).status == 401
    assert enrolled.verify(challenge, other.backup[0]).status == 401


def test_a_step_before_the_last_one_is_refused(enrolled):
    """Row TO4."""
    enrolled.forget_steps()
    assert enrolled.verify(enrolled.challenge(), code(
        enrolled.secret, 0)).status == 200
    for step in (-1, 0):
        assert enrolled.verify(enrolled.challenge(), code(
            enrolled.secret, step)).status == 401
    assert enrolled.verify(enrolled.challenge(), code(
        enrolled.secret, 1)).status == 200


def test_the_window_is_one_step_either_way(enrolled):
    """Row TO5."""
    for step, status in ((-2, 401), (2, 401), (-1, 200), (1, 200)):
        assert enrolled.verify(enrolled.challenge(),
                               enrolled.code(step)).status == status


def test_the_code_that_enabled_does_not_log_in(stack, person):
    """Row TO4."""
    secret = person.api.post("/auth/2fa/setup").data["secret"]
    once = code(secret)
    assert person.api.post("/auth/2fa/enable", {"code": once}).status == 200
    challenge = person.try_login().data["temp_token"]
    assert person.anonymous.post("/auth/2fa/verify", {
        "temp_token": challenge, "code": once}).status == 401


def test_one_code_in_32_requests_gives_one_session(enrolled):
    """Row TO4, over as many challenges."""
    challenges = [enrolled.challenge() for _ in range(32)]
    once = enrolled.code()
    answers = at_once(lambda: enrolled.verify(challenges.pop(), once).status)
    assert sorted(set(answers)) == [200, 401] and answers.count(200) == 1


def test_one_challenge_in_32_requests_gives_one_session(enrolled):
    challenge = enrolled.challenge()
    proofs = [enrolled.code()] * 24 + enrolled.backup[:8]
    answers = at_once(lambda: enrolled.verify(challenge,
                                              proofs.pop(0)).status)
    assert answers.count(200) == 1
    assert set(answers) == {200, 401}


def test_one_backup_code_in_32_requests_gives_one_session(stack, enrolled):
    """Row BC3."""
    challenges = [enrolled.challenge() for _ in range(32)]

    def use():
        while True:
            challenge = challenges.pop()
            answer = enrolled.verify(challenge, enrolled.backup[3])
            if answer.status != 503:
                return answer.status
            challenges.append(challenge)
    answers = at_once(use)
    assert answers.count(200) == 1 and set(answers) == {200, 401}


def test_secrets_of_two_users_changed_over_open_nothing(api, stack,
                                                        enrolled):
    """Row TO8."""
    other = Enrolled(stack, api.new_person())
    stack.sql("""
        update factors f set secret = o.secret, last_step = 0
        from factors o where f.subject_id <> o.subject_id
        and array[f.subject_id, o.subject_id] <@ array[%s, %s]::uuid[]""",
              enrolled.person.id, other.person.id)
    for one, secret in ((enrolled, other.secret),
                        (enrolled, enrolled.secret), (other, other.secret)):
        assert one.verify(one.challenge(), code(secret)).status == 401


def test_a_hundred_failures_disable_a_factor_until_another_is_proved(
        stack, enrolled, inbox):
    """Row RL4."""
    stack.sql("update factors set failures = 99 where subject_id = %s",
              enrolled.person.id)
    challenge = enrolled.challenge()
    assert enrolled.verify(challenge, enrolled.wrong()).status == 401
    inbox.wait(enrolled.person.email, "is locked")
    answer = enrolled.verify(challenge, enrolled.code())
    assert (answer.status, answer.code) == (423, "ACCOUNT_LOCKED")
    assert enrolled.person.api.get("/auth/2fa/methods").data[0]["locked"]
    assert enrolled.verify(enrolled.challenge(),
                           enrolled.code()).status == 423
    assert enrolled.verify(challenge, enrolled.backup[0]).status == 200
    assert enrolled.login().status == 200


def test_failures_count_over_challenges_and_step_up(stack, enrolled):
    """Rows RL6, TO10."""
    wrong = enrolled.wrong()
    for _ in range(2):
        enrolled.verify(enrolled.challenge(), wrong)
        enrolled.person.api.post("/2fa/verify", {"code": wrong})
    assert stack.sql("select failures from factors where subject_id = %s",
                     enrolled.person.id) == [(4,)]
    enrolled.login()
    assert stack.sql("select failures from factors where subject_id = %s",
                     enrolled.person.id) == [(0,)]


# Backup codes.

@pytest.mark.parametrize("typed", [
    lambda c: c, lambda c: c.lower(),
    lambda c: "-".join(c[i:i + 4] for i in range(0, 16, 4)),
    lambda c: c.replace("0", "o").replace("1", "l")])
def test_a_backup_code_is_read_as_people_type_it(enrolled, typed):
    answer = enrolled.verify(enrolled.challenge(), typed(enrolled.backup[0]))
    assert answer.status == 200
    assert answer.data["method"] == "backup"
    assert answer.data["backup_codes_remaining"] == 9


def test_backup_codes_that_were_hashed_like_passwords_stay_good(stack, api,
                                                               enrolled):
    """What was printed before they got a fast hash."""
    old = enrolled.backup[0]
    known = api.new_person(password=old)
    stack.sql("update backup_codes set hash = u.password_hash from users u "
              "where u.id = %s and subject_id = %s and prefix = %s", known.id,
              enrolled.person.id, old[:2])
    wrong = old[:2] + enrolled.backup[1][2:]
    for typed, status in ((wrong, 401), (old, 200), (old, 401)):
        assert enrolled.verify(enrolled.challenge(),
                               typed).status == status


def test_a_factor_waits_for_no_password_of_others(stack):
    """Row PW10: nothing of it is hashed slowly, so nothing of it stands in
    the lane of what is."""
    rows = json.loads(stack.ctl("routes", "--json").stdout)
    lanes = {row["path"]: row["lane"] for row in rows
             if row["path"].startswith("/auth/2fa/")}
    assert [p for p, lane in lanes.items() if lane == "heavy"] == [
        "/auth/2fa/disable"]


def test_each_backup_code_works_once_and_ten_are_all(stack, enrolled, inbox):
    """Rows BC3, BC5."""
    for one in enrolled.backup:
        assert enrolled.verify(enrolled.challenge(), one).status == 200
    assert enrolled.verify(enrolled.challenge(),
                           enrolled.backup[0]).status == 401
    assert enrolled.person.try_login().data["methods"] == ["totp"]
    assert stack.sql(
        "select distinct amr from sessions where user_id = %s and amr like "
        "'%%backup%%'", enrolled.person.id) == [("pwd backup",)]
    inbox.wait(enrolled.person.email, "A backup code")


def test_new_backup_codes_void_the_old(stack, enrolled, inbox):
    """Row BC4."""
    answer = enrolled.prove().person.api.post("/mfa/backup-codes")
    assert answer.status == 200 and len(answer.data["backupCodes"]) == 10
    assert not set(answer.data["backup_codes"]) & set(enrolled.backup)
    assert enrolled.verify(enrolled.challenge(),
                           enrolled.backup[0]).status == 401
    assert enrolled.verify(enrolled.challenge(),
                           answer.data["backup_codes"][0]).status == 200
    inbox.wait(enrolled.person.email, "New backup codes")
    stack.sql("update sessions set proved_at = now() - interval '11 minutes' "
              "where user_id = %s", enrolled.person.id)
    stack.forget_limits()
    assert enrolled.person.api.post("/mfa/backup-codes").code == \
        "REAUTH_REQUIRED"


def test_verify_backup_takes_backup_codes_with_a_challenge_only(enrolled):
    anonymous = enrolled.person.anonymous
    challenge = enrolled.challenge()
    assert anonymous.post("/mfa/verify-backup", {
        "userId": challenge, "code": enrolled.code()}).status == 401
    assert enrolled.person.api.post("/mfa/verify-backup", {
        "code": enrolled.backup[0]}).status == 401
    assert anonymous.post("/mfa/verify-backup", {
        "userId": challenge, "code": enrolled.backup[0]}).status == 200


# Step-up and disabling.

def test_a_code_steps_the_session_up(stack, enrolled):
    person = enrolled.person
    stack.sql("update sessions set proved_at = now() - interval '11 minutes',"
              " amr = 'pwd' where user_id = %s", person.id)
    stack.forget_limits()
    assert person.api.post("/auth/2fa/disable").code == "REAUTH_REQUIRED"
    answer = person.api.post("/auth/2fa/verify", {"code": enrolled.code()})
    assert answer.status == 200 and answer.data["method"] == "totp"
    assert "access_token" not in answer.data
    assert stack.sql("select amr from sessions where id = %s",
                     person.session) == [("pwd otp",)]
    assert person.api.post("/auth/2fa/disable").status == 200
    assert audited(stack, person.id, "2fa.verified") == 1
    assert audited(stack, person.id, "2fa.disabled") == 1


def test_what_is_given_to_disable_must_be_right(enrolled):
    """Row SE9."""
    api = enrolled.person.api
    for body in ({"code": enrolled.wrong()}, {"password": "wrong"}):
        assert api.post("/auth/2fa/disable", body).status == 401
    assert api.get("/auth/2fa/status").data["enabled"]
    assert api.post("/mfa/disable", {"token": enrolled.code()}).status == 200
    assert not api.get("/auth/2fa/status").data["enabled"]


def test_after_disabling_a_password_is_enough(enrolled, inbox):
    person = enrolled.prove().person
    challenge = enrolled.challenge()
    assert person.api.post("/auth/2fa/disable", {
        "password": person.password}).status == 200
    assert person.try_login().data["token_type"] == "Bearer"
    assert enrolled.verify(challenge, enrolled.backup[0]).status == 401
    assert person.api.post("/auth/2fa/disable").status == 409
    inbox.wait(person.email, "removed")


def test_a_password_reset_leaves_the_factor(enrolled, inbox):
    """Row PR6."""
    person = enrolled.person.prove(inbox)
    person.anonymous.post("/auth/password-reset/request",
                          {"email": person.email})
    assert person.anonymous.post("/auth/password-reset/confirm", {
        "token": inbox.reset_token(person.email),
        "new_password": "Another-Horse-9"}).status == 200
    person.password = "Another-Horse-9"
    assert enrolled.login().status == 200


# Devices.

def test_a_trusted_device_skips_the_factor_and_nothing_else(enrolled):
    """Rows TD1, TD2."""
    person = enrolled.person
    device = enrolled.login(remember_device=True).data["device_token"]
    answer = person.try_login(device_token=device)
    assert answer.data["token_type"] == "Bearer"
    assert person.try_login("wrong", device_token=device).status == 401
    [entry] = person.api.get("/2fa/devices").data
    assert entry["trusted"] is True


def test_trust_device_at_login_is_kept_until_the_factor(enrolled):
    challenge = enrolled.challenge(remember_device=True,
                                   device_name="Laptop")
    answer = enrolled.verify(challenge, enrolled.code())
    device = answer.data["device_token"]
    assert enrolled.person.try_login(
        device_token=device).data["token_type"] == "Bearer"
    api = enrolled.person.take(answer.data).api
    [entry] = api.get("/auth/2fa/devices").data
    assert entry["name"] == "Laptop"
    assert api.patch("/auth/2fa/devices/" + entry["id"],
                     {"name": "Old laptop"}).status == 200
    assert api.get("/auth/2fa/devices").data[0]["name"] == "Old laptop"


def test_a_device_known_by_password_alone_skips_nothing(stack, person):
    device = person.try_login(remember_device=True).data["device_token"]
    stack.sql("update users set two_factor_enabled = true where id = %s",
              person.id)
    assert person.try_login(device_token=device).data["requires_mfa"]


def test_a_device_of_another_user_skips_nothing(api, stack, enrolled):
    """Row TD4."""
    other = Enrolled(stack, api.new_person())
    device = other.login(trust_device=True).data["device_token"]
    assert enrolled.person.try_login(
        device_token=device).data["token_type"] == "challenge"


@pytest.mark.parametrize("how", ["one", "all", "password", "disable",
                                 "reset"])
def test_a_device_is_forgotten_with_what_it_stands_on(stack, enrolled, how,
                                                      inbox):
    """Row TD3."""
    person = enrolled.person.prove(inbox)
    device = enrolled.login(remember_device=True).data["device_token"]
    [entry] = person.api.get("/2fa/devices").data
    if how == "one":
        assert person.api.delete("/2fa/devices/" + entry["id"]).status == 200
    elif how == "all":
        assert person.api.delete("/2fa/devices").status == 200
    elif how == "password":
        person.api.post("/auth/change-password", {
            "old_password": person.password,
            "new_password": "Another-Horse-9"})
        person.password = "Another-Horse-9"
    elif how == "disable":
        person.api.post("/2fa/disable")
        enrolled = Enrolled(stack, person)
    else:
        person.anonymous.post("/auth/password-reset/request",
                              {"email": person.email})
        person.anonymous.post("/auth/password-reset/confirm", {
            "token": inbox.reset_token(person.email),
            "new_password": "Another-Horse-9"})
        person.password = "Another-Horse-9"
    assert person.try_login(
        device_token=device).data["token_type"] == "challenge"


def test_devices_of_others_are_not_there(api, stack, enrolled):
    enrolled.login(remember_device=True)
    [entry] = enrolled.person.api.get("/2fa/devices").data
    other = api.new_person()
    assert other.api.delete("/2fa/devices/" + entry["id"]).status == 404
    assert other.api.patch("/2fa/devices/" + entry["id"],
                           {"name": "x"}).status == 404


def test_a_token_moves_on_and_an_old_copy_ends_the_device(enrolled, inbox):
    """Row TD4: used tokens stay good until their successor is used."""
    person = enrolled.person
    first = enrolled.login(remember_device=True).data["device_token"]
    second = person.try_login(device_token=first).data["device_token"]
    assert second != first
    assert person.try_login(
        device_token=first).data["device_token"] == second
    assert person.try_login(
        device_token=second).data["token_type"] == "Bearer"
    assert person.try_login(
        device_token=first).data["token_type"] == "challenge"
    inbox.wait(person.email, "trusted device")
    assert person.try_login(
        device_token=second).data["token_type"] == "challenge"


def test_administrators_are_never_skipped(stack, enrolled):
    """Row TD2."""
    device = enrolled.login(remember_device=True).data["device_token"]
    stack.sql("insert into user_roles (user_id, role_id) select %s, id from "
              "roles where name = 'admin'", enrolled.person.id)
    assert enrolled.person.try_login(
        device_token=device).data["token_type"] == "challenge"


# For an application's own users (row TO13).

@pytest.fixture
def application(api, person):
    key = person.api.post("/api-keys", {
        "name": "app", "scopes": ["2fa:read", "2fa:write"]}).data["api_key"]
    return api.of(key)


def test_an_application_keeps_factors_of_its_users(application, stack,
                                                  person):
    """Row TO13."""
    setup = application.post("/2fa/totp/setup", {"userId": "user-123"}).data
    who = {"user_id": "user-123"}
    assert application.post("/2fa/totp/verify-setup", dict(
        who, code=code(setup["secret"], -1))).data["backup_codes"] == \
        setup["backup_codes"]
    assert "Postern:user-123?" in setup["otpauth_url"]
    other = application.post("/2fa/totp/setup", {"userId": "user:124"}).data
    assert "Postern:user124?" in other["otpauth_url"]
    [method] = application.get("/2fa/methods?user_id=user-123").data
    assert method["type"] == "totp"
    answer = application.post("/2fa/verify", dict(
        who, code=code(setup["secret"])))
    assert answer.data["verified"] and answer.data["user_id"] == "user-123"
    assert "access_token" not in answer.data
    assert application.post("/2fa/verify", dict(
        who, code=code(setup["secret"]))).status == 401
    assert application.post("/2fa/verify", dict(
        who, code=setup["backup_codes"][0])).data["method"] == "backup"
    assert application.get("/2fa/methods").data == []
    assert application.post("/2fa/disable", who).status == 200
    assert application.get("/mfa/status?userId=user-123").data[
        "enabled"] is False


def test_one_code_in_32_requests_of_an_application_is_right_once(application):
    setup = application.post("/2fa/totp/setup", {"userId": "u"}).data
    application.post("/2fa/totp/verify-setup", {
        "userId": "u", "code": code(setup["secret"], -1)})
    once = code(setup["secret"])
    answers = at_once(lambda: application.post(
        "/2fa/verify", {"userId": "u", "code": once}).status)
    assert answers.count(200) == 1 and set(answers) == {200, 401}


def test_subjects_of_another_owner_are_unknown(api, application):
    application.post("/2fa/totp/setup", {"userId": "user-123"})
    other = api.of(api.new_person().api.post("/api-keys", {
        "name": "app", "scopes": ["*"]}).data["api_key"])
    for path in ("/2fa/verify", "/2fa/disable", "/2fa/enable"):
        assert other.post(path, {"userId": "user-123",
                                 "code": "123456"}).status == 404
    assert other.get("/2fa/methods?user_id=user-123").status == 404
    assert application.post("/2fa/verify", {
        "userId": "nobody", "code": "123456"}).status == 404


def test_a_key_never_changes_its_owners_factors(application, stack, person):
    """Row AK5."""
    enrolled = Enrolled(stack, person)
    assert application.post("/2fa/totp/setup").status == 422
    assert application.post("/2fa/disable").status == 422
    assert application.post("/2fa/disable", {
        "userId": person.id}).status == 404
    assert application.post("/2fa/verify", {
        "userId": person.id, "code": enrolled.code()}).status == 404
    [method] = application.get("/2fa/methods").data
    assert method["type"] == "totp"


def test_a_key_needs_its_scope(person, api):
    key = api.of(person.api.post("/api-keys", {
        "name": "app", "scopes": ["user:read"]}).data["api_key"])
    for answer in (key.post("/2fa/totp/setup", {"userId": "x"}),
                   key.post("/2fa/verify", {"userId": "x", "code": "123456"}),
                   key.get("/2fa/methods")):
        assert (answer.status, answer.code) == (403, "INSUFFICIENT_SCOPE")


# The three spellings, literally.

def test_the_flow_of_seed_000(stack, person):
    enrolled = Enrolled(stack, person, "/auth/2fa")
    token = person.try_login().data["access_token"]
    answer = person.anonymous.of(token).post("/auth/2fa/verify",
                                             {"code": enrolled.code()})
    assert answer.status == 200
    assert person.anonymous.check(answer.data["access_token"]) == 200
    person.take(answer.data)
    assert person.api.post("/auth/2fa/disable").status == 200


def test_the_flow_of_seed_001(stack, person):
    """Pattern 2: everything at the top, in camelCase."""
    api = person.anonymous.of(None, "/api")
    mine = api.of(person.access)
    setup = mine.post("/2fa/totp/setup").json
    assert setup["qrCode"].startswith("data:image/png;base64,")
    assert mine.post("/2fa/totp/verify-setup", {
        "code": code(setup["secret"], -1)}).json["backupCodes"] == \
        setup["backupCodes"]
    data = api.post("/auth/login", {"emailOrUsername": person.email,
                                    "password": person.password}).json
    assert data["requiresTwoFactor"] is True
    answer = api.post("/2fa/verify", {"tempToken": data["tempToken"],
                                      "code": code(setup["secret"])})
    assert api.check(answer.json["accessToken"]) == 200


def test_the_clients_of_seed_001_send_their_key_with_a_challenge(
        stack, enrolled, application):
    """verify2FA(tempToken, code) of both client classes."""
    answer = application.of(application.token, "/api").post("/2fa/verify", {
        "tempToken": enrolled.challenge(), "code": enrolled.code()})
    assert answer.json["accessToken"]


def test_the_flow_of_seed_004(stack, person):
    """Its steps 1 to 7."""
    enrolled = Enrolled(stack, person, "/mfa")
    assert enrolled.enabled.data["backupCodes"] == enrolled.backup
    api = person.anonymous
    login = api.post("/auth/login", {"email": person.email,
                                     "password": person.password}).data
    assert login["requiresMFA"] is True
    tokens = api.post("/mfa/verify", {"userId": login["userId"],
                                      "token": enrolled.code()}).data
    assert tokens["access_token"] and tokens["refresh_token"]
    login = api.post("/auth/login", {"email": person.email,
                                     "password": person.password}).data
    backup = api.post("/mfa/verify-backup", {"userId": login["userId"],
                                             "code": enrolled.backup[0]})
    assert backup.status == 200
    mine = api.of(tokens["access_token"])
    assert mine.get("/mfa/status").data["enabled"] is True
    codes = mine.post("/mfa/backup-codes").data["backupCodes"]
    assert len(codes) == 10
    assert mine.post("/mfa/disable", {
        "token": enrolled.code()}).status == 200
    assert mine.get("/mfa/status").data["enabled"] is False


def test_a_token_that_is_over_does_not_stand_in_a_logins_way(enrolled):
    """004's client sends whatever it has."""
    answer = enrolled.person.anonymous.of("no.longer.good").post(
        "/mfa/verify", {"userId": enrolled.challenge(),
                        "token": enrolled.code()})
    assert answer.status == 200


def test_mfa_is_called_what_its_path_calls_it(stack, api, person):
    """Row AP6."""
    said = {}
    for mount, path in (("/api/v1", "/mfa"), ("/api", "/mfa"),
                        ("/api/v1", "/auth/2fa"), ("/api", "/2fa")):
        mine = api.new_person().api
        mine = mine.of(mine.token, mount)
        setup = mine.post(path + "/setup").json
        steps = [setup, mine.post(path + "/enable", {
            "code": code(setup["data"]["secret"], -1)}).json,
            mine.get(path + "/status").json,
            mine.get(path + "/methods").json,
            mine.post(path + "/verify",
                      {"code": code(setup["data"]["secret"])}).json,
            mine.post(path + "/disable").json]
        assert all(step["success"] for step in steps), steps
        said[mount, path] = [step["message"] for step in steps]
    assert said["/api/v1", "/mfa"] == said["/api", "/mfa"]
    assert said["/api/v1", "/auth/2fa"] == said["/api", "/2fa"]
    assert said["/api", "/mfa"][1] == "MFA enabled successfully"
    assert [m.replace("MFA", "2FA", 1) for m in said["/api", "/mfa"]] == \
        said["/api", "/2fa"]
    assert all(m.startswith("MFA ") for m in said["/api", "/mfa"])


# Who must.

MUST = pytest.mark.stack(TWO_FACTOR_REQUIRED_ROLES="auditor")


@pytest.fixture
def auditor(stack, person):
    stack.sql("insert into roles (name) values ('auditor') on conflict do "
              "nothing")
    stack.sql("insert into user_roles (user_id, role_id) select %s, id from "
              "roles where name = 'auditor'", person.id)
    return person.login()


@MUST
def test_who_must_enrol_can_do_nothing_else(stack, auditor):
    """Row TO11."""
    for method, path in (("GET", "/auth/me"), ("GET", "/auth/sessions"),
                         ("POST", "/api-keys"), ("PATCH", "/auth/me"),
                         ("GET", "/user/profile"), ("GET", "/2fa/devices"),
                         ("POST", "/auth/2fa/disable")):
        answer = auditor.api.send(method, path, None if method == "GET"
                                  else {})
        assert (answer.status, answer.code) == (403, "TWO_FACTOR_REQUIRED")
    assert auditor.api.get("/mfa/status").data["required"] is True
    refreshed = auditor.anonymous.post(
        "/auth/refresh", {"refresh_token": auditor.refresh}).data
    assert auditor.anonymous.check(refreshed["access_token"]) == 403
    assert auditor.anonymous.of(None, "/api").check(auditor.access) == 403
    Enrolled(stack, auditor)
    assert auditor.api.get("/auth/me").status == 200


@MUST
def test_who_must_not_is_left_alone(person):
    assert person.api.get("/auth/me").status == 200


# Administration.

def test_an_administrator_removes_the_factors_of_who_lost_them(
        api, stack, enrolled, inbox):
    person = enrolled.person
    device = enrolled.login(remember_device=True).data["device_token"]
    challenge = enrolled.challenge()
    admin = api.new_person()
    path = f"/admin/users/{person.id}/reset-2fa"
    assert admin.api.post(path).status == 403
    stack.sql("insert into user_roles (user_id, role_id) select %s, id from "
              "roles where name = 'admin'", admin.id)
    admin.login()
    answer = admin.api.post(path)
    assert answer.status == 200
    assert answer.data["two_factor_enabled"] is False
    assert person.anonymous.check(person.access) == 401
    assert enrolled.verify(challenge, enrolled.backup[0]).status == 401
    assert person.try_login().data["token_type"] == "Bearer"
    inbox.wait(person.email, "removed")
    assert admin.api.post(
        f"/admin/users/{admin.id}/reset-2fa").status == 403
    assert admin.api.post(
        "/admin/users/00000000-0000-7000-8000-000000000000/reset-2fa"
    ).status == 404
    Enrolled(stack, person.login())
    assert person.try_login(device_token=device).data["requires_mfa"]


def test_mailed_codes_follow_the_address(stack, person):
    """Row OT3: to where the account's mail goes, whoever asks."""
    stack.sql("insert into subjects (id, user_id) values (%s, %s)",
              person.id, person.id)
    stack.sql("insert into factors (subject_id, kind, id, destination, "
              "enabled_at) values (%s, 'email', gen_random_uuid(), %s, "
              "now())", person.id, person.email)
    stack.sql("update users set email = 'new.' || email where id = %s",
              person.id)
    assert stack.sql("select destination from factors where subject_id = %s",
                     person.id) == [("new." + person.email,)]


# Notices of logins.

def test_a_login_from_a_new_place_is_told_once(api, stack, inbox):
    """Row LG11."""
    def login(agent, **more):
        return person.anonymous.post("/auth/login", dict(
            {"identifier": person.email, "password": person.password},
            **more), User_Agent=agent).data

    def told():
        return stack.sql("select count(*) from jobs")[0][0]
    person = api.new_person().prove(inbox)
    inbox.wait(person.email, "Welcome")
    other = Enrolled(stack, api.new_person())
    login("one")
    before = told()
    login("one")
    assert told() == before
    login("two")
    mail = inbox.wait(person.email, "New login")
    assert "two" in mail.get_body(("plain",)).get_content()
    before = told()
    login("two")
    assert told() == before
    # With a factor, by the session and not by the challenge.
    other.login()
    assert person.anonymous.post("/auth/2fa/verify", {
        "temp_token": other.challenge(), "code": other.code()},
        User_Agent="three").status == 200
    inbox.wait(other.person.email, "New login")


def test_a_challenge_ends_when_a_new_password_is_demanded(stack, enrolled):
    challenge = enrolled.challenge()
    stack.sql("update users set must_reset_password = true where id = %s",
              enrolled.person.id)
    assert enrolled.verify(challenge, enrolled.code()).status == 401
