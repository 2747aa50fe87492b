"""Security notices go to the account's address and to every proved recovery
address, each once, written by the statement of what they are about (rows LG11,
RC3, RE2); codes and links go to the one address they are for."""
import pytest

from factor import Enrolled
from maildir import text_of
from provider import TWILIO, numbers
from staff import staff
from test_factors_sent import code_of as mailed_code
from test_factors_sent import with_mail, with_sms
from test_recovery import ask, confirm, method, new_address, token_of, undo


class Owner:
    """Somebody with one proved recovery address and one that is not."""

    def __init__(self, stack, person, inbox):
        self.stack, self.inbox = stack, inbox
        self.person = person.prove(inbox)
        self.recovery, _ = method(person, inbox)
        self.unproved = new_address()
        assert person.api.post("/auth/recovery/methods", {
            "type": "email", "value": self.unproved}).status == 201

    def enrol(self):
        return Enrolled(self.stack, self.person)

    def unlock(self):
        self.stack.sql("delete from attempts where bucket like %s",
                       f"login:{self.person.id}:%")

    def login_from(self, agent):
        answer = self.person.anonymous.post("/auth/login", {
            "identifier": self.person.email,
            "password": self.person.password}, User_Agent=agent)
        assert answer.status == 200, answer
        return answer.data

    def told(self, action, skip=0):
        """How many mails the statement wrote that wrote this audit row, the
        newest of its action but `skip`."""
        return self.stack.sql(
            "select count(*) from jobs where kind = 'mail' and created_at = "
            "(select created_at from audit_logs where user_id = %s and "
            "action = %s order by id desc offset %s limit 1)",
            self.person.id, action, skip)[0][0]


@pytest.fixture
def owner(stack, person, inbox):
    return Owner(stack, person, inbox)


def a_new_place(o):
    o.login_from("one")
    o.login_from("two")


def failures_before_a_login(o):
    o.person.login()
    for _ in range(5):
        assert o.person.try_login("wrong").status == 401
    o.unlock()
    o.person.login()


def a_new_place_by_a_factor(o):
    app = o.enrol()
    app.login()
    answer = o.person.anonymous.post("/auth/2fa/verify", {
        "temp_token": app.challenge(), "code": app.code()},
        User_Agent="another")
    assert answer.status == 200, answer


def a_token_used_twice(o):
    for status in (200, 401):
        assert o.person.anonymous.post("/auth/refresh", {
            "refresh_token": o.person.refresh}).status == status


def a_factor_enabled(o):
    o.enrol()


def a_factor_disabled(o):
    o.enrol().prove()
    assert o.person.api.post("/auth/2fa/disable").status == 200


def a_factor_taken_by_an_administrator(o):
    o.enrol()
    boss = staff(o.stack, "super_admin")
    assert boss.api.post(
        f"/admin/users/{o.person.id}/reset-2fa").status == 200


def new_backup_codes(o):
    o.enrol().prove()
    assert o.person.api.post("/mfa/backup-codes").status == 200


def a_backup_code_at_login(o):
    app = o.enrol()
    assert app.verify(app.challenge(), app.backup[0]).status == 200


def a_backup_code_in_a_session(o):
    app = o.enrol()
    assert o.person.api.post("/auth/2fa/verify",
                             {"code": app.backup[0]}).status == 200


def a_guessed_password(o):
    app = o.enrol()
    challenge, wrong = app.challenge(), app.wrong()
    for _ in range(5):
        assert app.verify(challenge, wrong).status == 401


def a_locked_factor(o):
    app = o.enrol()
    o.stack.sql("update factors set failures = 99 where subject_id = %s",
                o.person.id)
    assert app.verify(app.challenge(), app.wrong()).status == 401


def a_copied_device(o):
    app = o.enrol()
    first = app.login(remember_device=True).data["device_token"]
    second = o.person.try_login(device_token=first).data["device_token"]
    for token in (second, first):
        assert o.person.try_login(device_token=token).status == 200


def a_password_changed(o):
    assert o.person.api.post("/auth/change-password", {
        "old_password": o.person.password,
        "new_password": "Newer-Pass-11"}).status == 200


def a_password_reset(o):
    o.person.anonymous.post("/auth/password-reset/request",
                            {"email": o.person.email})
    assert o.person.anonymous.post("/auth/password-reset/confirm", {
        "token": o.inbox.reset_token(o.person.email),
        "new_password": "Newest-Pass-12"}).status == 200


def an_account_to_be_erased(o):
    assert o.person.api.delete("/auth/me").status == 200


@pytest.mark.parametrize("happens,action,subject", [
    (a_new_place, "auth.login", "New login"),
    (failures_before_a_login, "auth.login", "New login"),
    (a_new_place_by_a_factor, "auth.login", "New login"),
    (a_token_used_twice, "refresh.reuse", "We ended a"),
    (a_factor_enabled, "2fa.enabled", "Second factor added"),
    (a_factor_disabled, "2fa.disabled", "Second factor removed"),
    (a_factor_taken_by_an_administrator, "2fa.disabled",
     "Second factor removed"),
    (new_backup_codes, "2fa.backup_codes", "New backup codes"),
    (a_backup_code_at_login, "2fa.verified", "A backup code"),
    (a_backup_code_in_a_session, "2fa.verified", "A backup code"),
    (a_guessed_password, "2fa.failed", "Somebody may know"),
    (a_locked_factor, "2fa.failed", "is locked"),
    (a_copied_device, "device.copied", "A trusted device"),
    (a_password_changed, "password.change", "password was changed"),
    (a_password_reset, "password.reset", "password was changed"),
    (an_account_to_be_erased, "user.erase_request", "will be erased"),
], ids=lambda value: getattr(value, "__name__", None))
def test_all_addresses_are_told(owner, inbox, happens, action, subject):
    """Rows LG11, BC4, BC5, PW8, RT4, TD4."""
    happens(owner)
    for address in (owner.person.email, owner.recovery):
        inbox.wait(address, subject)
    # A login from a place that is new may be told beside it.
    assert owner.told(action) == 2
    for address in (owner.person.email, owner.recovery):
        assert len(inbox.of(address, subject)) == 1
    assert inbox.of(owner.unproved, subject) == []


@TWILIO
def test_another_telephone_is_told_everywhere(owner, inbox):
    """Row OT5."""
    for n in (1, 2):
        data = with_sms(owner.person, f"+4932{next(numbers)}")
        if n == 1: # the next one wants the factor
            assert owner.person.api.post("/2fa/verify", {
                "code": data["backup_codes"][0]}).status == 200
        for address in (owner.person.email, owner.recovery):
            mail = inbox.wait(address, "Second factor added", n)
            assert "codes by SMS" in text_of(mail)
        assert owner.told("2fa.enabled") == 2


def test_an_address_taken_back_is_told_everywhere(owner, api, inbox):
    """Row EC1: and the others do not learn where the owner is."""
    address = new_address()
    ask(owner.person, address)
    confirm(owner.person, token_of(inbox.wait(address, "Confirm your new"),
                                   "pem_"))
    back = token_of(inbox.wait(owner.person.email, "was changed"), "pun_")
    assert undo(api, back).status == 200
    told = [inbox.wait(where, "was stopped")
            for where in (owner.person.email, owner.recovery, address)]
    assert owner.told("email.change") == 3
    assert ["From: " in text_of(m) for m in told] == [True, False, False]


def test_an_address_that_is_two_gets_one_mail(owner, inbox):
    """The account's address is that of a recovery method too."""
    person, was = owner.person, owner.person.email
    ask(person, owner.recovery)
    done = confirm(person, token_of(
        inbox.wait(owner.recovery, "Confirm your new"), "pem_"))
    assert done.status == 200, done
    a_password_changed(owner)
    inbox.wait(owner.recovery, "password was changed")
    assert owner.told("password.change") == 1
    assert inbox.of(was, "password was changed") == []


def test_a_notice_follows_who_is_proved_at_that_moment(owner, inbox):
    """Row RC4: an address that is taken away hears that, and no more."""
    for m in owner.person.api.get("/auth/recovery/methods").data:
        assert owner.person.api.delete(
            "/auth/recovery/methods/" + m["id"]).status == 200
    a_password_changed(owner)
    inbox.wait(owner.person.email, "password was changed")
    assert owner.told("password.change") == 1
    assert inbox.of(owner.recovery, "password was changed") == []


def test_codes_and_links_go_to_one_address(owner, inbox):
    """Rows OT3, PR3."""
    person = owner.person
    with_mail(person, inbox)
    person.try_login()
    mailed_code(inbox, person.email, 2)
    person.anonymous.post("/auth/password-reset/request",
                          {"email": person.email})
    inbox.reset_token(person.email)
    for address in (owner.recovery, owner.unproved):
        assert inbox.of(address, "Postern code") == []
        assert inbox.of(address, "Reset your") == []
