"""The first proof of an address: a code, a link or a token shows who reads the
mailbox; what whoever registered it made before is his only if he is the same
(rows LG7, LG10, EC1, RC1)."""
import re
import secrets
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from factor import Enrolled
from factor import code as totp
from maildir import html_of, text_of
from staff import staff
from until import until

NEW = "Owners-Pass-10"


def word():
    return "u" + secrets.token_hex(6)


def new_address():
    return word() + "@example.test"


def prove(api, email, otp, **more):
    return api.post("/auth/verify-email", dict(
        {"email": email, "otp": otp}, **more))


def token_of(mail, prefix):
    return re.search(r"^(%s\S+)$" % prefix, text_of(mail), re.M).group(1)


def reset(api, inbox, email, password=NEW, n=1):
    api.post("/auth/password-reset/request", {"email": email})
    answer = api.post("/auth/password-reset/confirm", {
        "token": inbox.reset_token(email, n), "new_password": password})
    assert answer.status == 200, answer


class Stranger:
    """Somebody who registered an address that is not his, and made all that
    a user can make."""

    def __init__(self, stack, inbox, person):
        self.stack, self.inbox, self.person = stack, inbox, person
        self.key = person.api.post("/api-keys", {
            "name": "k", "scopes": ["user:read", "2fa:write"]}).data
        hook = person.api.post("/webhooks", {
            "url": "https://example.com/", "events": ["*"]})
        assert hook.status == 201, hook
        self.recovery = new_address()
        made = person.api.post("/auth/recovery/methods", {
            "type": "email", "value": self.recovery}).data
        code = re.search(r"^\s+(\d{6})$", text_of(inbox.wait(
            self.recovery, "recovery code")), re.M).group(1)
        assert person.api.post(
            f"/auth/recovery/methods/{made['id']}/verify",
            {"code": code}).status == 200
        self.device = person.login(remember_device=True)
        self.elsewhere = new_address()
        asked = person.api.post("/auth/change-email",
                                {"new_email": self.elsewhere})
        assert asked.status == 200, asked
        self.change = token_of(inbox.wait(self.elsewhere, "Confirm your new"),
                               "pem_")
        self.no = token_of(inbox.wait(self.recovery, "is to be changed"),
                           "pun_")
        setup = person.api.post("/auth/2fa/setup", {}).data
        assert person.api.post("/auth/2fa/enable", {
            "code": totp(setup["secret"])}).status == 200
        self.backup = setup["backup_codes"]
        made = person.anonymous.post("/2fa/setup", {"user_id": "user-1"},
                                     X_API_Key=self.key["api_key"])
        assert made.status == 200, made
        self.challenge = person.try_login().data["temp_token"]

    def is_out(self):
        """Nothing of it is left."""
        p, api = self.person, self.person.anonymous
        assert api.check(p.access) == 401
        assert api.post("/auth/refresh",
                        {"refresh_token": p.refresh}).status == 401
        assert api.get("/auth/me",
                       X_API_Key=self.key["api_key"]).status == 401
        for code in self.backup[:2]:
            assert api.post("/auth/2fa/verify", {
                "temp_token": self.challenge, "code": code}).status == 401
        assert api.post("/auth/change-email/undo",
                        {"token": self.no}).status == 400
        n = len(self.inbox.of(self.recovery, "recovery code"))
        assert api.post("/auth/recovery/start",
                        {"identifier": p.username}).status == 200
        assert len(self.inbox.of(self.recovery, "recovery code")) == n
        for table, what in (
                ("api_keys", "true"), ("webhooks", "true"),
                ("recovery_methods", "true"), ("login_places", "true"),
                ("devices", "revoked_at is null"),
                ("challenges", "used_at is null"),
                ("one_time", "used_at is null and voided_at is null and"
                 " purpose <> 'reset'")):
            assert self.stack.sql(
                f"select 1 from {table} where user_id = %s and {what}",
                p.id) == [], table
        assert self.stack.sql(
            "select 1 from factors where subject_id = %s", p.id) == []
        assert self.stack.sql(
            "select 1 from subjects where owner_id = %s", p.id) == []
        assert self.stack.sql(
            "select two_factor_enabled from users where id = %s",
            p.id) == [(False,)]


@pytest.fixture
def stranger(stack, inbox, person):
    return Stranger(stack, inbox, person)


def test_a_reset_as_the_first_proof_leaves_nothing_of_a_stranger(
        stranger, api, inbox):
    owner = stranger.person
    told = len(inbox.of(stranger.recovery))
    reset(api, inbox, owner.email)
    stranger.is_out()
    answer = owner.try_login(NEW)
    assert answer.status == 200 and "access_token" in answer.data, answer
    assert answer.data["user"]["is_verified"] is True
    inbox.wait(owner.email, "password was changed")
    assert len(inbox.of(stranger.recovery)) == told


def test_so_does_the_code_alone(stranger, api, inbox):
    owner = stranger.person
    answer = prove(api, owner.email, inbox.otp(owner.email))
    assert answer.status == 200, answer
    assert answer.data["password_required"] is False
    stranger.is_out()
    assert owner.try_login().status == 200


LASTING = [("POST", "/api-keys", {"name": "k", "scopes": ["user:read"]}),
           ("POST", "/webhooks", {"url": "https://example.com/",
                                  "events": ["*"]}),
           ("POST", "/auth/recovery/methods", {
               "type": "email", "value": "to@example.test"}),
           ("POST", "/auth/2fa/setup", {}),
           ("POST", "/auth/change-email", {"new_email": "to@example.test"}),
           ("DELETE", "/auth/me", None)]


def lasting_of(stack, person):
    return stack.sql(
        "select (select count(*) from api_keys where user_id = u.id)"
        " + (select count(*) from webhooks where user_id = u.id)"
        " + (select count(*) from recovery_methods where user_id = u.id)"
        " + (select count(*) from factors where subject_id = u.id)"
        " + (select count(*) from one_time where user_id = u.id and"
        " used_at is null and voided_at is null), erase_at"
        " from users u where id = %s", person.id)


def waiting(stack):
    return stack.sql("select count(*) from pg_locks where not granted")[0][0]


@pytest.mark.parametrize("method, path, body", LASTING)
def test_what_is_made_during_the_proof_does_not_stay(
        stack, api, person, inbox, method, path, body):
    """Row LG7: by a request that was let in before. The proof has taken away
    what was there and waits; the request is sent; both end."""
    stack.sql("insert into login_places (user_id, kind, digest)"
              " values (%s, 'agent', 'x')", person.id)
    otp = inbox.otp(person.email)
    other = psycopg2.connect(stack["DATABASE_OWNER_URL"])
    with ThreadPoolExecutor() as pool:
        other.cursor().execute("select from login_places where user_id = %s"
                               " for update", [person.id])
        proof = pool.submit(prove, api, person.email, otp)
        until(lambda: waiting(stack) == 1)
        made = pool.submit(person.api.send, method, path, body)
        until(lambda: made.done() or waiting(stack) == 2)
        other.close()
        assert proof.result().status == 200
        assert made.result().status == 401, made.result()
    assert lasting_of(stack, person) == [(0, None)]


def test_who_may_not_act_any_more_makes_nothing_that_stays(stack, person):
    """Row SE8: a host believes a session for up to a second; another one
    has ended it."""
    for method, path, body in LASTING:
        person.login()
        assert person.api.get("/auth/me").status == 200
        stack.sql("update sessions set ended_at = now() where user_id = %s",
                  person.id)
        assert person.api.send(method, path, body).status == 401, path


def test_nor_does_an_administrator_who_is_out(stack, person):
    """Rows RB8, SE8."""
    boss = staff(stack, "super_admin")
    for method, path, body in [
            ("POST", "/admin/users", {
                "email": new_address(), "username": word(),
                "password": NEW, "role": "admin"}),
            ("POST", f"/admin/users/{person.id}/roles", {"role": "admin"}),
            ("PATCH", f"/admin/users/{person.id}", {"email": new_address()}),
            ("POST", "/roles", {"name": word(), "permissions": []})]:
        boss.login()
        assert boss.api.get("/auth/me").status == 200
        stack.sql("update sessions set ended_at = now() where user_id = %s",
                  boss.id)
        assert boss.api.send(method, path, body).status == 401, path

def test_so_does_saying_no_to_a_change(stranger, api, inbox):
    owner = stranger.person
    no = token_of(inbox.wait(owner.email, "is to be changed"), "pun_")
    assert api.post("/auth/change-email/undo", {"token": no}).status == 200
    stranger.is_out()
    assert owner.try_login().status == 401


def test_a_recovery_before_any_proof_keeps_nothing_either(stack, api, person,
                                                          inbox):
    key = person.api.post("/api-keys", {
        "name": "k", "scopes": ["user:read"]}).data["api_key"]
    address = new_address()
    made = person.api.post("/auth/recovery/methods", {
        "type": "email", "value": address}).data

    def code(n):
        return re.search(r"^\s+(\d{6})$", text_of(inbox.wait(
            address, "recovery code", n)), re.M).group(1)
    assert person.api.post(f"/auth/recovery/methods/{made['id']}/verify",
                           {"code": code(1)}).status == 200
    challenge = api.post("/auth/recovery/start", {
        "identifier": person.email}).data["challenge"]
    assert api.post("/auth/recovery/confirm", {
        "challenge": challenge, "codes": [code(2)],
        "new_password": NEW}).status == 200
    assert api.get("/auth/me", X_API_Key=key).status == 401
    # It proved that other address, not this one.
    assert person.try_login(NEW).data["user"]["is_verified"] is False


def test_an_undo_that_went_elsewhere_proves_nothing(stranger, api, inbox,
                                                    stack):
    """A stranger's recovery address hears of a change too."""
    assert api.post("/auth/change-email/undo",
                    {"token": stranger.no}).status == 200
    assert stack.sql("select is_verified, verified_at from users where"
                     " id = %s", stranger.person.id) == [(False, None)]
    reset(api, inbox, stranger.person.email)
    assert api.get("/auth/me",
                   X_API_Key=stranger.key["api_key"]).status == 401


@pytest.mark.parametrize("how", ["token", "password", "session"])
def test_who_shows_registration_and_code_keeps_everything(
        stranger, api, inbox, how):
    """Here the stranger is the owner."""
    p = stranger.person
    otp = inbox.otp(p.email)
    if how == "token":
        answer = prove(api, p.email, otp, verification_token=p.registered
                       .data["verification_token"])
    elif how == "password":
        answer = prove(api, p.email, otp, password=p.password)
    else:
        answer = prove(p.api, p.email, otp)
    assert answer.status == 200, answer
    assert answer.data["password_required"] is False
    assert p.api.get("/auth/me").data["is_verified"] is True
    assert p.api.get("/auth/me").data["two_factor_enabled"] is True
    assert api.get("/auth/me",
                   X_API_Key=stranger.key["api_key"]).status == 200
    assert len(p.api.get("/webhooks").data) == 1
    assert len(p.api.get("/auth/recovery/methods").data) == 1
    # And from now on a reset takes nothing but what is open.
    reset(api, inbox, p.email)
    assert api.get("/auth/me",
                   X_API_Key=stranger.key["api_key"]).status == 200
    assert p.try_login(NEW).data["requires_mfa"] is True


def test_a_wrong_sign_of_the_registration_costs_nothing(api, person, inbox):
    other = api.new_person()
    otp = inbox.otp(person.email)
    wrong = "%06d" % ((int(otp) + 1) % 1000000)
    theirs = other.registered.data["verification_token"]
    answer = prove(api, person.email, otp, verification_token=theirs)
    assert (answer.status, answer.code) == (400, "INVALID_TOKEN")
    answer = prove(api, person.email, otp, password="Wrong-Pass-1")
    assert (answer.status, answer.code) == (401, "INVALID_PASSWORD")
    assert prove(api.of(person.access + "x"), person.email, otp
                 ).status == 401
    # Without the code none of them is looked at.
    for more in ({"verification_token": theirs}, {"password": "x"},
                 {"password": person.password}):
        answer = prove(api, person.email, wrong, **more)
        assert answer.status == 400 and answer.code == "INVALID_CODE", more
        break
    assert person.api.get("/auth/me").data["is_verified"] is False
    inboxed = len(inbox.of(person.email, "verification code"))
    api.post("/auth/resend-otp", {"email": person.email})
    again = inbox.otp(person.email, inboxed + 1)
    assert prove(api, person.email, again,
                 verification_token=person.registered.data[
                     "verification_token"]).status == 200
    assert person.api.get("/auth/me").data["is_verified"] is True


def test_a_session_of_somebody_else_shows_nothing(api, person, inbox):
    other = api.new_person()
    assert prove(other.api, person.email, inbox.otp(person.email)
                 ).status == 200
    assert person.api.get("/auth/me").status == 401
    assert other.api.get("/auth/me").status == 200


def test_an_idempotent_answer_goes_with_the_registration(api, stack, inbox):
    """Its key still gives the tokens otherwise."""
    body = {"email": new_address(), "username": word(),
            "password": "Correct-Horse-7"}
    key = {"Idempotency_Key": "first-" + body["username"]}
    assert api.post("/auth/register", body, **key).status == 201
    assert prove(api, body["email"], inbox.otp(body["email"])).status == 200
    again = api.post("/auth/register", body, **key)
    assert (again.status, again.code) == (409, "EMAIL_TAKEN")


def set_password(api, inbox, address, password=NEW):
    mail = inbox.wait(address, "Set your")
    token = token_of(mail, "pwr_")
    assert token in html_of(mail)
    answer = api.post("/auth/password-reset/confirm", {
        "token": token, "new_password": password})
    assert answer.status == 200, answer


def test_a_contested_password_goes_with_the_code_alone(api, person, inbox):
    """Optional mode: whoever was first, somebody else tried as well."""
    again = api.post("/auth/register", {
        "email": person.email, "username": word(), "password": NEW})
    assert (again.status, again.code) == (409, "EMAIL_TAKEN")
    answer = prove(api, person.email, inbox.otp(person.email))
    assert answer.data["password_required"] is True, answer
    assert person.try_login().status == 401
    assert person.api.get("/auth/me").status == 401
    set_password(api, inbox, person.email)
    assert person.try_login(NEW).status == 200
    # Proved is proved: nobody contests it any more.
    api.post("/auth/register", {"email": person.email, "username": word(),
                                "password": "Another-Pass-3"})
    assert person.try_login(NEW).status == 200


def test_a_contested_registration_is_kept_by_who_shows_it(api, person, inbox):
    api.post("/auth/register", {"email": person.email, "username": word(),
                                "password": NEW})
    answer = prove(api, person.email, inbox.otp(person.email),
                   password=person.password)
    assert answer.data["password_required"] is False
    assert person.api.get("/auth/me").status == 200


@pytest.mark.stack(EMAIL_VERIFICATION="required")
class TestSeveralRegistrations:
    def two(self, api, inbox):
        """A stranger and the owner, and the codes of both."""
        stranger = api.new_person()
        first = inbox.otp(stranger.email)
        owner = api.new_person(email=stranger.email)
        return stranger, owner, first, inbox.otp(owner.email, 2)

    @pytest.mark.parametrize("which", [0, 1])
    def test_a_code_alone_tells_not_whose_password_it_is(self, api, inbox,
                                                         which):
        """Row LG7: in either order, by either code."""
        stranger, owner, *codes = self.two(api, inbox)
        answer = prove(api, owner.email, codes[which])
        assert answer.status == 200, answer
        assert answer.data["password_required"] is True
        for p in (stranger, owner):
            assert p.try_login().status == 401
        set_password(api, inbox, owner.email)
        assert owner.try_login(NEW).status == 200
        assert prove(api, owner.email, codes[1 - which]).status == 400

    @pytest.mark.parametrize("first", [True, False])
    @pytest.mark.parametrize("how", ["token", "password"])
    def test_who_shows_his_registration_has_it(self, api, inbox, first, how):
        """With whichever of the codes."""
        one, two, *codes = self.two(api, inbox)
        winner, loser = (one, two) if first else (two, one)
        sign = {"verification_token": winner.registered.data[
            "verification_token"]} if how == "token" else {
                "password": winner.password}
        answer = prove(api, one.email, codes[0], **sign)
        assert answer.status == 200, answer
        assert answer.data["password_required"] is False
        assert answer.data["user"]["username"] == winner.username
        assert loser.try_login().status == 401
        assert winner.try_login().status == 200

    def test_of_two_who_show_theirs_at_once_one_has_it(self, stack, api,
                                                       inbox):
        """Row LG7: both were let in before either had proved it. Three
        times: where both hold a code, Postgres chooses who goes on."""
        for _ in range(3):
            self.show_at_once(stack, api, inbox)

    def show_at_once(self, stack, api, inbox):
        one, two, *codes = self.two(api, inbox)

        def show(person, code):
            return prove(api, one.email, code, verification_token=person
                         .registered.data["verification_token"])
        table, row = (psycopg2.connect(stack["DATABASE_OWNER_URL"])
                      for _ in range(2))
        with ThreadPoolExecutor() as pool:
            table.cursor().execute("lock registrations")
            row.cursor().execute("select from users where email = %s for"
                                 " update", [one.email])
            second = pool.submit(show, two, codes[1])
            until(lambda: waiting(stack) == 1)
            first = pool.submit(show, one, codes[0])
            until(lambda: waiting(stack) == 2)
            table.rollback()
            until(lambda: waiting(stack) == 2)
            row.close()
            answers = [first.result(), second.result()]
        table.close()
        assert [a.status for a in answers].count(200) == 1, answers
        for person, answer in zip((one, two), answers):
            assert (person.try_login().status == 200) == (
                answer.status == 200)

    def test_an_account_that_was_moved_there_is_no_registration(
            self, stack, api, inbox):
        """Row LG7: the next one to register the address does not become its
        owner, with his name and his keys; the password goes, as ever."""
        person = api.new_person()
        prove(api, person.email, inbox.otp(person.email),
              password=person.password)
        address = new_address()
        assert staff(stack, "admin").api.patch(
            f"/admin/users/{person.id}", {"email": address}).status == 200
        next_one = api.new_person(email=address)
        inbox.wait(address, "already have")
        code = inbox.otp(address)
        answer = prove(api, address, code, verification_token=next_one
                       .registered.data["verification_token"])
        assert (answer.status, answer.code) == (400, "INVALID_TOKEN")
        answer = prove(api, address, code)
        assert answer.data["user"]["username"] == person.username
        assert answer.data["password_required"] is True
        assert len(inbox.of(address, "verification code")) == 1

    def test_the_answers_are_alike(self, api, inbox):
        """Row LG3: a token is no probe either."""
        known = api.new_person()
        prove(api, known.email, inbox.otp(known.email))
        again, new = (api.post("/auth/register", {
            "email": email, "username": word(), "password": NEW})
            for email in (known.email, new_address()))
        tokens = [a.data["verification_token"] for a in (again, new)]
        assert len(tokens[0]) == len(tokens[1])
        for sign in ("verification_token", "password"):
            answers = [prove(api, a.data["user"]["email"], "000000", **{
                sign: NEW if sign == "password" else a.data[
                    "verification_token"]}) for a in (again, new)]
            assert [(a.status, a.code) for a in answers] == [
                (400, "INVALID_CODE")] * 2

    def test_a_name_is_not_taken_by_a_registration_beside(self, api, inbox):
        one = api.new_person()
        again = api.post("/auth/register", {
            "email": one.email, "username": one.username, "password": NEW})
        assert again.status == 201
        prove(api, one.email, inbox.otp(one.email), password=NEW)
        assert one.try_login(NEW).status == 200


@pytest.mark.stack(EMAIL_VERIFICATION="off")
def test_with_verification_off_a_reset_is_the_first_proof(api, person, inbox):
    assert not text_of(inbox.wait(person.email, "Welcome")).count(
        person.username)
    key = person.api.post("/api-keys", {
        "name": "k", "scopes": ["user:read"]}).data["api_key"]
    reset(api, inbox, person.email)
    assert api.get("/auth/me", X_API_Key=key).status == 401
    assert person.try_login(NEW).status == 200


@pytest.mark.stack(BOOTSTRAP_ADMIN_EMAIL="root@example.test")
class TestBootstrap:
    """Row LG10: an admin's is the account whose password was set through that
    mailbox."""
    address = "root@example.test"

    @pytest.fixture(autouse=True)
    def fresh(self, stack, inbox):
        stack.forget(self.address)
        self.codes = len(inbox.of(self.address, "verification code"))
        self.links = len(inbox.of(self.address, "Set your"))
        self.resets = len(inbox.of(self.address, "Reset your"))
        yield
        stack.forget(self.address)

    def otp(self, inbox):
        return inbox.otp(self.address, self.codes + 1)

    def roles(self, stack):
        return stack.sql("select roles from users where email = %s",
                         self.address)

    def test_a_code_makes_nobody_an_admin(self, api, stack, inbox):
        stranger = api.new_person(email=self.address)
        answer = prove(api, self.address, self.otp(inbox))
        assert answer.data["password_required"] is True
        assert answer.data["user"]["role"] == "user"
        assert stranger.api.get("/auth/me").status == 401
        assert stranger.try_login().status == 401
        mail = inbox.wait(self.address, "Set your", self.links + 1)
        assert api.post("/auth/password-reset/confirm", {
            "token": token_of(mail, "pwr_"), "new_password": NEW}
            ).status == 200
        boss = stranger.try_login(NEW).data
        assert boss["user"]["role"] == "super_admin"

    def test_nor_does_the_owners_own_registration(self, api, stack, inbox):
        owner = api.new_person(email=self.address)
        answer = prove(api, self.address, self.otp(inbox),
                       password=owner.password)
        assert answer.data["password_required"] is False
        assert self.roles(stack) == [(["user"],)]
        assert owner.api.get("/auth/me").status == 200
        reset(api, inbox, self.address, n=self.resets + 1)
        assert self.roles(stack) == [(["super_admin", "user"],)]


def test_the_owner_takes_his_address_back_whatever_a_thief_undoes(
        api, stack, person, inbox):
    """A to B, B to C, undo of B: the undo of A still counts."""
    person.prove(inbox)
    mine = person.api.post("/api-keys", {
        "name": "mine", "scopes": ["user:read"]}).data
    a, b, c = person.email, new_address(), new_address()

    def move(to):
        assert person.api.post("/auth/change-email",
                               {"new_email": to}).status == 200
        link = token_of(inbox.wait(to, "Confirm your new"), "pem_")
        assert person.api.post("/auth/change-email/confirm",
                               {"token": link}).status == 200
    move(b)
    of_a = token_of(inbox.wait(a, "was changed"), "pun_")
    theirs = person.api.post("/api-keys", {
        "name": "theirs", "scopes": ["user:read"]}).data
    rotated = person.api.post(f"/api-keys/{mine['id']}/rotate", {}).data
    move(c)
    of_b = token_of(inbox.wait(b, "was changed"), "pun_")
    assert api.post("/auth/change-email/undo", {"token": of_b}).status == 200
    assert stack.sql("select email from users where id = %s",
                     person.id) == [(b,)]
    assert api.post("/auth/change-email/undo", {"token": of_a}).status == 200
    assert stack.sql("select email, is_verified from users where id = %s",
                     person.id) == [(a, True)]
    for key in (theirs, rotated):
        assert api.get("/auth/me",
                       X_API_Key=key["api_key"]).status == 401
    # Nothing later is left to take it away again.
    assert stack.sql("select 1 from one_time where user_id = %s and purpose"
                     " = 'undo' and used_at is null and voided_at is null",
                     person.id) == []


def test_an_undo_keeps_what_was_there_before_the_change(api, stack, person,
                                                        inbox):
    person.prove(inbox)
    before = person.api.post("/api-keys", {
        "name": "before", "scopes": ["user:read"]}).data["api_key"]
    enrolled = Enrolled(stack, person)
    person.access = enrolled.login().data["access_token"]
    new = new_address()
    person.api.post("/auth/change-email", {"new_email": new})
    # Made before it was confirmed, and after it was asked for.
    after = person.api.post("/api-keys", {
        "name": "after", "scopes": ["user:read"]}).data["api_key"]
    person.api.post("/auth/change-email/confirm", {
        "token": token_of(inbox.wait(new, "Confirm your new"), "pem_")})
    back = token_of(inbox.wait(person.email, "was changed"), "pun_")
    assert api.post("/auth/change-email/undo", {"token": back}).status == 200
    assert api.get("/auth/me", X_API_Key=before).status == 200
    assert api.get("/auth/me", X_API_Key=after).status == 401
    reset(api, inbox, person.email)
    assert person.try_login(NEW).data["requires_mfa"] is True


def test_an_address_an_admin_gives_must_prove_itself(api, stack, person,
                                                     inbox):
    """Whatever he says of it; the old one is told and may come back."""
    person.prove(inbox)
    Enrolled(stack, person)
    admin = staff(stack, "admin")
    old, new = person.email, new_address()
    answer = admin.api.patch(f"/admin/users/{person.id}", {
        "email": new, "is_verified": True})
    assert answer.status == 200, answer
    assert answer.data["email"] == new
    assert answer.data["is_verified"] is False
    assert person.api.get("/auth/me").status == 401
    assert api.post("/auth/refresh",
                    {"refresh_token": person.refresh}).status == 401
    back = token_of(inbox.wait(old, "was changed"), "pun_")
    # Whoever reads the new one sets a password, not the factor aside.
    reset(api, inbox, new)
    person.email = new
    assert person.try_login(NEW).data["requires_mfa"] is True
    # Nobody else gets the old one meanwhile; its owner has it back.
    assert api.post("/auth/register", {
        "email": old, "username": word(), "password": NEW}).status == 409
    assert api.post("/auth/change-email/undo", {"token": back}).status == 200
    assert person.try_login(NEW).status == 401
    assert stack.sql("select email, is_verified, two_factor_enabled from"
                     " users where id = %s", person.id) == [(old, True, True)]


def test_it_is_proved_by_the_code_that_goes_there(api, stack, person, inbox):
    admin = staff(stack, "admin")
    new = new_address()
    admin.api.patch(f"/admin/users/{person.id}", {"email": new})
    person.email = new
    person.login()
    answer = prove(person.api, new, inbox.otp(new))
    assert answer.status == 200, answer
    assert person.api.get("/auth/me").data["is_verified"] is True
    # The registration's own token is of the address before.
    other = api.new_person()
    new = new_address()
    admin.api.patch(f"/admin/users/{other.id}", {"email": new})
    answer = prove(api, new, inbox.otp(new), verification_token=other
                   .registered.data["verification_token"])
    assert (answer.status, answer.code) == (400, "INVALID_TOKEN")


NAME = "Call 49 900 123456 now"


def test_no_name_stands_in_a_mail_to_an_unproved_address(api, stack, inbox):
    """Rows HT4, HT7: nor another word that a stranger chose."""
    person = api.new_person(full_name=NAME)
    inbox.otp(person.email)  # two mails under way may come in either order
    agent = "Call-49-900-654321"
    person.api.post("/2fa/email/setup", {})
    api.post("/auth/password-reset/request", {"email": person.email})
    person.api.post("/auth/change-email", {"new_email": new_address()})
    api.post("/auth/register", {"email": person.email, "username": word(),
                                "password": NEW, "full_name": NAME})
    api.post("/auth/resend-otp", {"email": person.email})
    address = new_address()
    person.api.post("/auth/change-email", {"new_email": address})
    inbox.wait(address, "Confirm your new")
    method = new_address()
    person.api.post("/auth/recovery/methods", {"type": "email",
                                               "value": method})
    inbox.wait(method, "recovery code")
    setup = person.api.post("/auth/2fa/setup", {}, User_Agent=agent).data
    person.api.post("/auth/2fa/enable", {
        "code": totp(setup["secret"])}, User_Agent=agent)
    for subject in ("verification code", "Reset your", "to be changed",
                    "Second factor added", "recovery methods"):
        inbox.wait(person.email, subject)
    for where in (person.email, address, method):
        for mail in inbox.of(where):
            for text in (html_of(mail), text_of(mail), mail["Subject"]):
                assert NAME not in text, mail["Subject"]
                assert person.username not in text, mail["Subject"]
                assert agent not in text, mail["Subject"]
                if where == person.email:
                    assert address.split("@")[0] not in text
    # Who has proved it is greeted.
    code = inbox.otp(person.email, 2)
    assert prove(person.api, person.email, code).status == 200
    assert person.api.post("/auth/change-password", {
        "old_password": person.password, "new_password": NEW}).status == 200
    assert NAME in text_of(inbox.wait(person.email, "password was changed"))


def network():
    return ".".join(["10"] + [str(secrets.randbelow(254) + 1)
                              for _ in range(3)])


@pytest.mark.stack(EMAIL_VERIFICATION="required", ENABLE_RATE_LIMITING="true",
                   TRUSTED_PROXIES="127.0.0.0/8")
class TestMailsToOneAddress:
    """Row RL12: twenty a day for an address, whatever strangers ask."""

    def register(self, api, address):
        return api.post("/auth/register", {
            "email": address, "username": word(), "password": NEW},
            X_Forwarded_For=network())

    def settled(self, stack):
        until(lambda: not stack.sql(
            "select 1 from jobs where state = 'ready'"))

    def test_registering_an_address_mails_it_twenty_times(self, api, stack,
                                                          inbox):
        address = new_address()
        answers = [self.register(api, address) for _ in range(24)]
        assert {a.status for a in answers} == {201}
        assert len({tuple(sorted(a.data)) for a in answers}) == 1
        self.settled(stack)
        assert len(inbox.of(address)) == 20
        # Whatever asks: one budget.
        answer = self.somebody(api, inbox).post("/auth/change-email", {
            "new_email": address})
        assert answer.status == 200, answer
        self.settled(stack)
        assert len(inbox.of(address)) == 20

    def somebody(self, api, inbox):
        """A proved account's client."""
        form = {"email": new_address(), "username": word(), "password": NEW}
        away = {"X_Forwarded_For": network()}
        assert api.post("/auth/register", form, **away).status == 201
        assert api.post("/auth/verify-email", {
            "email": form["email"], "otp": inbox.otp(form["email"])},
            **away).status == 200
        tokens = api.post("/auth/login", {"identifier": form["email"],
                                          "password": NEW}, **away).data
        client = api.of(tokens["access_token"])
        client.email = form["email"]
        return client

    def test_a_signed_in_person_is_not_starved(self, api, stack, inbox):
        me = self.somebody(api, inbox)
        for _ in range(22):
            assert self.register(api, me.email).status == 201
        self.settled(stack)
        # Ten in all with the code; the rest of the day is for who asks.
        assert len(inbox.of(me.email, "already have")) == 9
        assert api.post("/auth/password-reset/request", {"email": me.email},
                        X_Forwarded_For=network()).status == 200
        inbox.wait(me.email, "Reset your")
        assert me.post("/2fa/email/setup", {}).status == 200
        inbox.wait(me.email, "Your Postern code")
        assert me.post("/auth/change-email", {
            "new_email": new_address()}).status == 200
        inbox.wait(me.email, "is to be changed")


@pytest.mark.stack(EMAIL_VERIFICATION="off", ENABLE_RATE_LIMITING="true",
                   TRUSTED_PROXIES="127.0.0.0/8")
def test_with_verification_off_nobody_owns_an_address(api, stack, inbox):
    """Row RL12: codes of a setup count with all that is mailed there."""
    address = new_address()
    for _ in range(5):
        made = api.post("/auth/register", {
            "email": address, "username": word(), "password": NEW},
            X_Forwarded_For=network())
        client = api.of(made.data["access_token"])
        for _ in range(5):
            client.post("/2fa/email/setup", {})
        stack.forget(address)
    until(lambda: not stack.sql("select 1 from jobs where state = 'ready'"))
    assert len(inbox.of(address)) <= 20
