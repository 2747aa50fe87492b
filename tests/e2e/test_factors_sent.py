"""Codes by SMS and mail: a second factor that is sent."""
import atexit
import base64
import concurrent.futures
import json
import os
import re
import shutil
import tempfile
import urllib.parse

import pytest

from conftest import ROOT
from factor import Enrolled
from maildir import text_of
from provider import PROVIDER, TWILIO, numbers
from test_recovery import method
from until import until


def code_of(inbox, address, n=1):
    text = text_of(inbox.wait(address, "Postern code", n))
    return re.search(r"^\s+(\d{6})$", text, re.M).group(1)


@pytest.fixture
def phone(stack):
    stack.sql("delete from attempts where bucket like 'sms.%%'")
    stack.sql("delete from attempts where bucket like 'code.%%'")
    return f"+4930{next(numbers)}"


def with_sms(person, phone):
    assert person.api.post("/2fa/sms/setup", {"phone": phone}).status == 200
    answer = person.api.post("/2fa/sms/verify-setup",
                             {"code": PROVIDER.code(phone)})
    assert answer.status == 200, answer
    return answer.data


def with_mail(person, inbox):
    assert person.api.post("/2fa/email/setup").status == 200
    answer = person.api.post("/2fa/email/verify-setup", {
        "code": code_of(inbox, person.email)})
    assert answer.status == 200, answer
    return answer.data


@TWILIO
def test_a_telephone_is_proved_before_it_counts(stack, person, phone):
    """Row OT5."""
    assert person.api.post("/2fa/sms/setup", {
        "phone": phone[:5] + " " + phone[5:]}).status == 200
    sent = PROVIDER.code(phone)
    assert person.try_login().data["token_type"] == "Bearer"
    assert person.api.get("/2fa/methods").data == []
    data = person.api.post("/2fa/sms/verify-setup", {"code": sent}).data
    assert data["enabled"] and len(data["backup_codes"]) == 10
    [method] = person.api.get("/2fa/methods").data
    assert method["type"] == "sms" and method["restricted"] is True
    assert phone not in json.dumps(method)
    assert person.api.post("/2fa/sms/verify-setup",
                           {"code": sent}).code == "REAUTH_REQUIRED"
    assert person.api.post("/2fa/verify", {"code": sent}).status == 401


@TWILIO
def test_what_twilio_gets(stack, person, phone):
    person.api.post("/2fa/sms/setup", {"phone": phone})
    code = PROVIDER.code(phone)
    path, headers, body = next(
        g for g in PROVIDER.got if phone in urllib.parse.unquote(
            g[2].decode()))
    assert path == "/2010-04-01/Accounts/AC0123456789/Messages.json"
    assert headers["Authorization"] == "Basic " + base64.b64encode(
        b"AC0123456789:7c2f1b9e5d8a4c6f").decode()
    form = dict(urllib.parse.parse_qsl(body.decode()))
    assert form["From"] == "+15005550006" and form["To"] == phone
    # Row OT7: the last line binds the code to the host.
    assert form["Body"].splitlines()[-1] == f"@localhost #{code}"


@TWILIO
def test_a_message_is_in_the_language_the_request_prefers(person, phone):
    def text(n):
        return until(lambda: PROVIDER.to(phone)[n - 1:n], "an SMS")[0]
    assert person.api.post("/2fa/sms/setup", {"phone": phone},
                           Accept_Language="fr, de-AT;q=0.9, en;q=0.8"
                           ).status == 200
    code = PROVIDER.code(phone)
    assert text(1) == (f"{code} ist Ihr Code für Postern. Er gilt 10 Minuten."
                       f"\n\n@localhost #{code}")
    assert person.api.post("/2fa/sms/verify-setup",
                           {"code": code}).status == 200
    for n, language in ((2, "de"), (3, "en")):
        assert person.anonymous.post("/auth/login", {
            "identifier": person.email, "password": person.password},
            Accept_Language=language).status == 200
        code = PROVIDER.code(phone, n)
        assert (f"{code} is your Postern code." in text(n)) == (
            language == "en")


# A copy of all templates, as an operator's own directory.
OWN = tempfile.mkdtemp(prefix="postern-templates-")
atexit.register(shutil.rmtree, OWN, ignore_errors=True)
os.chmod(OWN, 0o755)
shutil.copytree(os.path.join(ROOT, "templates"), OWN, dirs_exist_ok=True)


@pytest.mark.stack(**dict(TWILIO.kwargs, TEMPLATE_DIR=OWN))
def test_an_operator_replaces_the_text_of_a_message(person, phone):
    """While the worker runs."""
    def ask(n):
        assert person.api.post("/2fa/sms/setup",
                               {"phone": phone}).status == 200
        return until(lambda: PROVIDER.to(phone)[n - 1:n], "an SMS")[0]
    assert "is your Postern code." in ask(1)
    with open(OWN + "/sms/factor-code.txt", "w") as f:
        f.write("{{code}}: your key to {{brand}}, {{minutes}} min\n\n")
    text = ask(2)
    assert text == PROVIDER.code(phone, 2) + ": your key to Postern, 10 min"


@TWILIO
def test_a_login_with_sms_only_sends_the_code_by_itself(stack, person,
                                                        phone):
    with_sms(person, phone)
    login = person.try_login().data
    assert login["methods"] == ["sms", "backup"]
    answer = person.anonymous.post("/2fa/verify", {
        "tempToken": login["temp_token"], "code": PROVIDER.code(phone, 2)})
    assert answer.status == 200 and answer.data["method"] == "sms"
    assert stack.sql("select amr from sessions where id = %s",
                     answer.data["session_id"]) == [("pwd sms",)]


def half_a_minute_later(stack):
    """Another code may be sent."""
    stack.sql("delete from attempts where bucket like 'code.pause:%%'")


@TWILIO
def test_a_code_is_sent_again_where_the_row_says(stack, person, phone):
    """Row OT3."""
    with_sms(person, phone)
    challenge = person.try_login().data["temp_token"]
    half_a_minute_later(stack)
    answer = person.anonymous.post("/2fa/sms/send", {
        "tempToken": challenge, "phone": "+4930999"})
    assert answer.data["code_sent"] is True
    assert PROVIDER.to("+4930999") == []
    assert person.anonymous.post("/2fa/verify", {
        "tempToken": challenge, "code": PROVIDER.code(phone, 3)}
        ).status == 200


def several_codes(stack, person, inbox, n):
    """A login with so many codes on their way: challenge and codes."""
    with_mail(person, inbox)
    login = person.try_login().data
    codes = [code_of(inbox, person.email, 2)]
    for i in range(n - 1):
        half_a_minute_later(stack)
        assert person.anonymous.post("/2fa/email/send", {
            "temp_token": login["temp_token"]}).data["code_sent"] is True
        codes.append(code_of(inbox, person.email, i + 3))
    return login["temp_token"], codes


@pytest.mark.parametrize("which, status", [
    (0, 401), (1, 200), (2, 200), (3, 200)])
def test_of_the_codes_on_their_way_the_last_three_count(
        stack, person, inbox, which, status):
    challenge, codes = several_codes(stack, person, inbox, 4)
    if len(set(codes)) == 4:
        assert person.anonymous.post("/2fa/verify", {
            "temp_token": challenge, "code": codes[which]}
            ).status == status


def test_with_one_of_them_the_others_are_over(stack, person, inbox):
    """Row OT4: of a session, whose next code they would be otherwise."""
    with_mail(person, inbox)
    for n in (2, 3):
        assert person.api.post("/2fa/email/send").data["code_sent"] is True
        code_of(inbox, person.email, n)
        half_a_minute_later(stack)
    for n, status in ((2, 200), (3, 401), (2, 401)):
        assert person.api.post("/2fa/verify", {
            "code": code_of(inbox, person.email, n)}).status == status


def test_a_right_code_forgives_the_tries_before_it(stack, person, inbox):
    """Row RL7: of the codes beside it, too."""
    with_mail(person, inbox)

    def send(n):
        assert person.api.post("/2fa/email/send").data["code_sent"] is True
        half_a_minute_later(stack)
        return code_of(inbox, person.email, n)

    def verify(code):
        return person.api.post("/2fa/verify", {"code": code}).status
    codes = [send(2), send(3)]
    wrong = next(c for c in ("000000", "000001", "000002") if c not in codes)
    for _ in range(4):
        assert verify(wrong) == 401
    assert verify(codes[0]) == 200
    code = send(4)
    if wrong != code:
        assert verify(wrong) == 401
    assert verify(code) == 200


def test_within_half_a_minute_the_code_on_its_way_is_enough(
        stack, person, inbox):
    with_mail(person, inbox)
    login = person.try_login().data
    assert login["code_sent"] is True and login["resend_after"] == 30
    send = lambda: person.anonymous.post("/2fa/email/send", {
        "temp_token": login["temp_token"]})
    answer = send()
    assert answer.status == 200 and answer.data["code_sent"] is False
    assert 0 < answer.data["resend_after"] <= 30
    assert stack.sql("select count(*) from factor_codes where bound like "
                     "'challenge:%%' and subject_id = %s",
                     person.id) == [(1,)]
    assert person.anonymous.post("/2fa/verify", {
        "temp_token": login["temp_token"],
        "code": code_of(inbox, person.email, 2)}).status == 200


def test_of_32_who_ask_at_once_one_gets_a_code(stack, person, inbox):
    with_mail(person, inbox)
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: person.api.post(
            "/2fa/email/send"), range(32)))
    assert {a.status for a in answers} == {200}
    assert [a.data["code_sent"] for a in answers].count(True) == 1


def test_a_second_device_gets_its_code_at_once(stack, person, inbox):
    with_mail(person, inbox)
    waiting = []
    for n in (2, 3, 4):
        login = person.try_login().data
        assert login["code_sent"] is True
        waiting.append((login["temp_token"], code_of(inbox, person.email,
                                                     n)))
    for challenge, code in waiting:
        assert person.anonymous.post("/2fa/verify", {
            "temp_token": challenge, "code": code}).status == 200


def test_a_login_says_when_there_is_no_code(stack, person, inbox):
    """Row RL12: 20 a day, and the login goes on by a backup code."""
    backup = with_mail(person, inbox)["backup_codes"]
    for _ in range(20):
        assert person.try_login().data["code_sent"] is True
    login = person.try_login().data
    assert login["code_sent"] is False and login["resend_after"] > 3600
    refused = person.anonymous.post("/2fa/email/send", {
        "temp_token": login["temp_token"]})
    assert (refused.status, refused.code) == (429, "RATE_LIMITED")
    assert person.anonymous.post("/2fa/verify", {
        "temp_token": login["temp_token"], "code": backup[0]}).status == 200


def test_either_code_of_a_setup_that_was_asked_for_twice(person, inbox):
    assert person.api.post("/2fa/email/setup").status == 200
    first = code_of(inbox, person.email)
    assert person.api.post("/2fa/email/setup").status == 200
    code_of(inbox, person.email, 2)
    assert person.api.post("/2fa/email/verify-setup",
                           {"code": first}).status == 200


def test_what_strangers_ask_for_uses_up_no_code_of_the_owner(
        stack, api, person, inbox):
    """Row RL12: each purpose has its budget."""
    address, _ = method(person, inbox)
    with_mail(person, inbox)
    for _ in range(12):
        for name in (person.email, person.username):
            api.post("/auth/recovery/start", {"identifier": name})
        api.post("/auth/password-reset/request", {"email": person.email})
        api.post("/auth/resend-otp", {"email": person.email})
    login = person.try_login().data
    assert login["code_sent"] is True
    assert person.anonymous.post("/2fa/verify", {
        "temp_token": login["temp_token"],
        "code": code_of(inbox, person.email, 2)}).status == 200
    assert person.api.post("/2fa/email/send").data["code_sent"] is True


@pytest.mark.stack(ENABLE_RATE_LIMITING="true", RATE_LIMIT_LOGIN="1000",
                   RATE_LIMIT_REGISTER="1000", RATE_LIMIT_ANONYMOUS="1000")
def test_nor_do_they_where_requests_are_limited(stack, api, person, inbox):
    stack.sql("update users set is_verified = true where id = %s", person.id)
    test_what_strangers_ask_for_uses_up_no_code_of_the_owner(
        stack, api, person.login(), inbox)


@pytest.mark.stack(**dict(TWILIO.kwargs, SMS_PER_DAY="8"))
def test_nor_the_messages_of_a_day(stack, api, person, inbox, phone):
    """Half of them is not for what anybody may ask for."""
    with_sms(person, phone)
    other = api.new_person()
    made = other.api.post("/auth/recovery/methods", {
        "type": "phone", "value": f"+4330{next(numbers)}"}).data
    assert other.api.post(f"/auth/recovery/methods/{made['id']}/verify", {
        "code": PROVIDER.code(made["value"])}).status == 200
    for _ in range(5):
        api.post("/auth/recovery/start", {"identifier": other.email})
    assert stack.sql("select count from attempts where bucket = 'sms.day'"
                     ) == [(6,)]
    assert person.try_login().data["code_sent"] is True


@pytest.mark.stack(**dict(TWILIO.kwargs, SMS_PER_PREFIX="4"))
@pytest.mark.parametrize("path, name", [("/2fa/sms/setup", "phone"),
                                        ("/auth/recovery/methods", "value")])
def test_nor_what_an_account_asks_for(api, stack, person, phone, path, name):
    """Row RL12: anybody makes himself one."""
    with_sms(person, phone)
    other = api.new_person().api
    sent = [other.post(path, {"type": "phone", name: phone[:5] +
                              str(next(numbers))}).status for _ in range(3)]
    assert sent[-1] == 429, sent
    assert person.try_login().data["code_sent"] is True


def test_what_others_set_up_uses_up_nothing_of_the_owner(api, person, inbox):
    """Row RL12: an application's users, with his address."""
    person.prove(inbox)
    key = api.new_person().api.post("/api-keys", {
        "name": "k", "scopes": ["2fa:write"]}).data["api_key"]
    sent = [api.post("/2fa/email/setup", {
        "user_id": f"user-{i}", "email": person.email},
        X_API_Key=key).status for i in range(6)]
    assert sent == [200] * 5 + [429]
    assert person.api.post("/2fa/email/setup").status == 200


@TWILIO
def test_tries_are_counted_over_codes_of_one_challenge(stack, person, phone):
    """Row OT4."""
    with_sms(person, phone)
    challenge = person.try_login().data["temp_token"]
    send = lambda path, body: person.anonymous.post(path, dict(
        body, tempToken=challenge))
    right = PROVIDER.code(phone, 2)
    wrong = "000000" if right != "000000" else "000001"
    for _ in range(3):
        assert send("/2fa/verify", {"code": wrong}).status == 401
    half_a_minute_later(stack)
    assert send("/2fa/sms/send", {}).status == 200
    right = PROVIDER.code(phone, 3)
    for _ in range(2):
        send("/2fa/verify", {"code": wrong if wrong != right else "123456"})
    assert send("/2fa/verify", {"code": right}).status == 401
    half_a_minute_later(stack)
    assert send("/2fa/sms/send", {}).status == 401


@TWILIO
def test_a_code_is_good_for_what_it_was_sent_for(stack, person, phone):
    """Row OT3: flow X's code is nothing in flow Y."""
    with_sms(person, phone)
    challenge = person.try_login().data["temp_token"]
    of_login = PROVIDER.code(phone, 2)
    assert person.api.post("/2fa/sms/send").status == 200
    of_session = PROVIDER.code(phone, 3)
    if of_login != of_session:
        assert person.api.post("/2fa/verify",
                               {"code": of_login}).status == 401
        assert person.anonymous.post("/2fa/verify", {
            "tempToken": challenge, "code": of_session}).status == 401
    assert person.api.post("/2fa/verify", {"code": of_session}).status == 200
    assert person.anonymous.post("/2fa/verify", {
        "tempToken": challenge, "code": of_login}).status == 200


@TWILIO
def test_one_sent_code_in_32_requests_is_right_once(stack, person, phone):
    with_sms(person, phone)
    assert person.api.post("/2fa/sms/send").status == 200
    code = PROVIDER.code(phone, 2)
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: person.api.post(
            "/2fa/verify", {"code": code}).status, range(32)))
    assert answers.count(200) == 1 and set(answers) == {200, 401}


@TWILIO
def test_a_provider_that_fails_is_asked_again_and_one_that_refuses_is_not(
        stack, person, phone):
    PROVIDER.status[:] = [503]
    person.api.post("/2fa/sms/setup", {"phone": phone})
    until(lambda: len(PROVIDER.to(phone)) == 2, "the second try")
    other = f"+4930{next(numbers)}"
    PROVIDER.status[:] = [400]
    person.api.post("/2fa/sms/setup", {"phone": other})
    until(lambda: stack.sql(
        "select count(*) from jobs where kind = 'sms' and state = 'dead' "
        "and created_at > now() - interval '1 minute'")[0][0] == 1)
    assert len(PROVIDER.to(other)) == 1


@TWILIO
@pytest.mark.parametrize("bad", ["", "12345", "030 1234567", "+0049301234",
                                 "+49abc123456", "+4912345678901234567"])
def test_what_is_no_international_number_is_refused(person, bad):
    answer = person.api.post("/2fa/sms/setup", {"phone": bad})
    assert answer.status == 422 and answer.fields == ["phone"]


@TWILIO
def test_a_number_gets_five_an_hour(stack, person, phone):
    """Row RL12."""
    sent = [person.api.post("/2fa/sms/setup", {"phone": phone}).status
            for _ in range(6)]
    assert sent == [200] * 5 + [429]
    answer = person.api.post("/2fa/sms/setup", {"phone": phone})
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.stack(**dict(TWILIO.kwargs, SMS_COUNTRIES="+43,+41",
                          SMS_PER_PREFIX="2"))
def test_countries_and_prefixes_have_their_bounds(stack, person, phone):
    """Row RL12."""
    answer = person.api.post("/2fa/sms/setup", {"phone": phone})
    assert answer.status == 403
    statuses = [person.api.post("/2fa/sms/setup", {
        "phone": f"+4315{next(numbers)}"}).status for _ in range(3)]
    assert statuses == [200, 200, 429]


@pytest.mark.stack(SMS_HTTP_URL=PROVIDER.url + "/messages",
                   SMS_HTTP_TOKEN="bearer-of-the-provider-1")
def test_another_provider_gets_json(stack, person, phone):
    person.api.post("/2fa/sms/setup", {"phone": phone})
    PROVIDER.code(phone)
    path, headers, body = next(g for g in PROVIDER.got
                               if phone.encode() in g[2])
    assert path == "/messages"
    assert headers["Authorization"] == "Bearer bearer-of-the-provider-1"
    assert headers["Idempotency-Key"]
    assert set(json.loads(body)) == {"to", "text"}


def test_without_a_provider_sms_is_not_offered(api, person):
    answer = person.api.post("/2fa/sms/setup", {"phone": "+49301234567"})
    assert (answer.status, answer.code) == (409, "CONFLICT")
    can = api.get("/info").data["capabilities"]
    assert can["two_factor"] is True and can["two_factor_sms"] is False


def test_codes_by_mail(stack, person, inbox):
    assert len(with_mail(person, inbox)["backup_codes"]) == 10
    login = person.try_login().data
    assert login["methods"] == ["email", "backup"]
    answer = person.anonymous.post("/auth/2fa/verify", {
        "temp_token": login["temp_token"],
        "code": code_of(inbox, person.email, 2)})
    assert answer.status == 200 and answer.data["method"] == "email"


def test_a_mailed_code_goes_to_the_account_whatever_is_asked(person, inbox):
    """Row OT3."""
    assert person.api.post("/2fa/email/setup", {
        "email": "thief@example.test"}).status == 200
    code_of(inbox, person.email)
    assert inbox.of("thief@example.test") == []


def test_no_name_goes_to_an_address_that_is_not_proved(api, inbox):
    """It would be a stranger's words in somebody's mailbox."""
    stranger = api.new_person(first_name="Call +49 900 123456 now")
    assert stranger.api.post("/2fa/email/setup").status == 200
    mail = inbox.wait(stranger.email, "Postern code")
    assert "123456 now" not in text_of(mail)


def test_a_second_method_keeps_the_backup_codes(stack, person, inbox):
    enrolled = Enrolled(stack, person).prove()
    assert "backup_codes" not in with_mail(person, inbox)
    login = person.try_login().data
    assert login["methods"] == ["totp", "email", "backup"]
    # With an application there, nothing is sent unasked.
    assert person.anonymous.post("/2fa/email/send", {
        "temp_token": login["temp_token"]}).status == 200
    code = code_of(inbox, person.email, 2)
    assert enrolled.verify(login["temp_token"], code).status == 200
    assert person.api.post("/2fa/disable",
                           {"method": "email"}).status == 200
    assert person.api.get("/mfa/status").data["methods"] == ["totp"]
    assert person.try_login().data["token_type"] == "challenge"


def test_administrators_are_sent_no_codes(stack, person):
    """Row OT6."""
    stack.sql("insert into user_roles (user_id, role_id) select %s, id from "
              "roles where name = 'admin'", person.id)
    person.login()
    assert person.api.post("/2fa/email/setup").status == 403


def test_an_applications_user_gets_his_codes_by_mail(api, stack, person,
                                                     inbox):
    key = api.of(person.api.post("/api-keys", {
        "name": "app", "scopes": ["2fa:write"]}).data["api_key"])
    who = {"userId": "user-7"}
    assert key.post("/2fa/email/setup", who).status == 422
    address = person.username + ".seven@example.test"
    assert key.post("/2fa/email/setup", dict(
        who, email=address)).status == 200
    assert key.post("/2fa/email/verify-setup", dict(
        who, code=code_of(inbox, address))).status == 200
    assert key.post("/2fa/email/send", who).status == 200
    assert key.post("/2fa/verify", dict(who, code=code_of(
        inbox, address, 2))).data["method"] == "email"
