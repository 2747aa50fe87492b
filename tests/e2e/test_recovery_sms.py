"""Recovery by text message, and the notices of recovery (rows RC1 to RC4,
RE7, RL12)."""
import re

import pytest

from maildir import text_of
from provider import PROVIDER, TWILIO, numbers
from test_recovery import code_of, finish, method, start, totp, wrong
from until import until

pytestmark = TWILIO


@pytest.fixture
def phone(stack):
    for bucket in ("sms.%", "code.%", "recovery%"):
        stack.sql("delete from attempts where bucket like %s", bucket)
    return f"+4931{next(numbers)}"


def add_phone(person, phone):
    made = person.api.post("/auth/recovery/methods",
                           {"type": "phone", "value": phone})
    assert made.status == 201, made
    return made.data["id"]


def verify(person, number, code):
    return person.api.post(f"/auth/recovery/methods/{number}/verify",
                           {"code": code})


def proved_phone(person, phone):
    number = add_phone(person, phone)
    answer = verify(person, number, PROVIDER.code(phone))
    assert answer.status == 200 and answer.data["verified"] is True, answer
    return number


def test_an_account_is_recovered_by_a_text_message(api, person, inbox, phone):
    """Rows RC2, RC3: the mailbox is lost, the telephone is not; mailbox and
    telephone are told."""
    proved_phone(person, phone)
    challenge = start(api, person.email, method="phone").data["challenge"]
    code = PROVIDER.code(phone, 2)
    assert finish(api, challenge, [wrong(code)]).status == 400
    done = finish(api, challenge, [code])
    assert done.status == 200, done
    assert finish(api, challenge, [code], "Another-Pass-2").status == 400
    assert person.api.get("/auth/me").status == 401
    assert person.try_login().status == 401
    assert person.try_login("Recovered-Pass-1").status == 200
    inbox.wait(person.email, "was recovered")
    told = until(lambda: PROVIDER.to(phone)[2:3], "a notice by SMS")[0]
    assert "was recovered" in told and not re.search(r"\d{6}", told)


def test_a_number_is_proved_before_it_counts(api, person, phone):
    """Row RC4: three tries; an unproved number gets no recovery code."""
    number = add_phone(person, phone[:5] + " " + phone[5:])
    code = PROVIDER.code(phone)
    other = api.new_person()
    assert verify(other, number, code).status == 404
    start(api, person.email)
    for _ in range(3):
        assert verify(person, number, wrong(code)).status == 400
    assert verify(person, number, code).status == 400
    assert len(PROVIDER.to(phone)) == 1
    # Asked for again, there is another code for the same number.
    assert add_phone(person, phone) == number
    assert verify(person, number, PROVIDER.code(phone, 2)).status == 200
    listed = person.api.get("/auth/recovery/methods").data
    assert [(m["type"], m["verified"]) for m in listed] == [("phone", True)]


def test_a_message_says_what_its_code_is_for(api, person, phone):
    """A recovery code opens the account: nobody takes it for another one."""
    proved_phone(person, phone)
    start(api, person.email)
    until(lambda: len(PROVIDER.to(phone)) == 2, "the recovery code")
    for text in PROVIDER.to(phone):
        code = text[:6]
        assert text.startswith(f"{code} is your Postern recovery code.")
        assert text.endswith(f"@localhost #{code}")


def test_recovery_speaks_the_language_of_who_asks(api, person, inbox, phone):
    """Row RC3: code and notice, by SMS as by mail."""
    proved_phone(person, phone)
    german = {"Accept_Language": "de-DE,de;q=0.9,en;q=0.5"}
    challenge = api.post("/auth/recovery/start",
                         {"identifier": person.email}, **german
                         ).data["challenge"]
    code = PROVIDER.code(phone, 2)
    assert PROVIDER.to(phone)[1] == (
        f"{code} ist Ihr Wiederherstellungscode für Postern. Er gilt 10 "
        f"Minuten.\n\n@localhost #{code}")
    done = api.post("/auth/recovery/confirm", {
        "challenge": challenge, "codes": [code],
        "new_password": "Recovered-Pass-1"}, **german)
    assert done.status == 200, done
    told = until(lambda: PROVIDER.to(phone)[2:3], "a notice by SMS")[0]
    assert told.startswith("Ihr Konto bei Postern wurde wiederhergestellt")
    text = text_of(inbox.wait(person.email, "wurde wiederhergestellt"))
    assert re.search(r"Wann:    \d\d\.\d\d\.\d{4}, \d\d:\d\d Uhr \(UTC\)",
                     text)


def test_all_methods_get_codes_and_one_is_enough(api, person, inbox, phone):
    address, _ = method(person, inbox)
    proved_phone(person, phone)
    challenge = start(api, person.username).data["challenge"]
    by_mail, by_sms = code_of(inbox, address, 2), PROVIDER.code(phone, 2)
    assert finish(api, challenge, [by_sms]).status == 200
    assert finish(api, challenge, [by_mail], "Another-Pass-2").status == 400
    for where in (person.email, address):
        inbox.wait(where, "was recovered")


def test_one_code_by_sms_is_not_enough_with_a_second_factor(
        api, person, inbox, phone):
    """Row RC1: two codes of the same channel are none either."""
    proved_phone(person.prove(inbox), phone)
    setup = person.api.post("/auth/2fa/setup", {}).data
    assert person.api.post("/auth/2fa/enable", {
        "code": totp(setup["secret"])}).status == 200
    challenge = start(api, person.email).data["challenge"]
    code = PROVIDER.code(phone, 2)
    assert finish(api, challenge, [code]).status == 400
    assert finish(api, challenge, [code, code]).status == 400
    done = finish(api, challenge, [code, setup["backup_codes"][0]])
    assert done.status == 200, done
    assert person.try_login("Recovered-Pass-1").data["requires_mfa"] is True


def test_every_code_has_an_end(stack, api, person, phone):
    """Row RE7: what proves a number is not sent late either."""
    proved_phone(person, phone)
    start(api, person.email)
    until(lambda: len(PROVIDER.to(phone)) == 2, "both codes")
    ends = stack.sql(
        "select expires_at between created_at + interval '9 minutes' and "
        "created_at + interval '10 minutes' from jobs where kind = 'sms' "
        "order by id desc limit 2")
    assert ends == [(True,), (True,)]


def test_messages_to_one_number_are_few(stack, api, person, phone):
    """Row RL12: and the answer does not tell that there was no code."""
    proved_phone(person, phone)
    answers = [start(api, person.email) for _ in range(6)]
    assert len({a.json["message"] for a in answers}) == 1
    until(lambda: len(PROVIDER.to(phone)) == 6, "a proof and five codes")
    until(lambda: stack.sql("select count(*) from jobs where kind = 'sms' and"
                            " state = 'ready'") == [(0,)], "all are sent")
    assert len(PROVIDER.to(phone)) == 6


def test_bad_numbers_are_refused(person, phone):
    for value in ("", "030 1234", "+0", "+49abc", "+49" + "1" * 20):
        answer = person.api.post("/auth/recovery/methods",
                                 {"type": "phone", "value": value})
        assert answer.status == 422, (value, answer)


def test_a_new_password_is_told_to_all_addresses(api, person, inbox, phone):
    """Row LG11: whoever holds the mailbox does not hold the other one."""
    address, _ = method(person.prove(inbox), inbox)
    assert person.api.post("/auth/change-password", {
        "old_password": person.password,
        "new_password": "Newer-Pass-11"}).status == 200
    for where in (person.email, address):
        inbox.wait(where, "password was changed")
    api.post("/auth/password-reset/request", {"email": person.email})
    assert api.post("/auth/password-reset/confirm", {
        "token": inbox.reset_token(person.email),
        "new_password": "Newest-Pass-12"}).status == 200
    for where in (person.email, address):
        inbox.wait(where, "password was changed", 2)
