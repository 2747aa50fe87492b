"""Another address, recovery, erasure, export: nobody loses an account he can
prove, nobody gains one he cannot (rows EC1 to EC5, RC1 to RC5, PV1 to PV3)."""
import re
import secrets
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from factor import Enrolled
from maildir import text_of
from staff import staff
from until import until


def token_of(mail, prefix):
    return re.search(r"^(%s\S+)$" % prefix, text_of(mail), re.M).group(1)


def new_address():
    return f"n{secrets.token_hex(6)}@example.test"


def ask(person, address):
    answer = person.api.post("/auth/change-email", {"new_email": address})
    assert answer.status == 200, answer
    return answer


def confirm(person, token):
    return person.api.post("/auth/change-email/confirm", {"token": token})


def undo(api, token):
    return api.post("/auth/change-email/undo", {"token": token})


def old(stack, person):
    """The proof of this person's session is an hour old."""
    stack.sql("update sessions set proved_at = now() - interval '1 hour' "
              "where user_id = %s", person.id)


def test_an_address_changes_when_the_new_one_is_proved(api, person, inbox):
    """Row EC1: the old one works until then and is told."""
    address = new_address()
    ask(person, address)
    notice = inbox.wait(person.email, "is to be changed")
    assert address not in text_of(notice)
    assert person.api.get("/auth/me").data["email"] == person.email
    assert person.try_login().status == 200
    token = token_of(inbox.wait(address, "Confirm your new"), "pem_")
    done = confirm(person, token)
    assert done.status == 200 and done.data["email"] == address, done
    assert done.data["is_verified"] is True
    assert confirm(person, token).status == 400
    assert person.api.get("/auth/me").data["email"] == address
    inbox.wait(person.email, "was changed")
    was, person.email = person.email, address
    assert person.try_login().status == 200
    person.email = was


def test_a_link_works_only_for_who_asked(api, person, inbox):
    """Row EC4."""
    address, other = new_address(), api.new_person()
    ask(person, address)
    token = token_of(inbox.wait(address, "Confirm your new"), "pem_")
    assert confirm(other, token).status == 400
    assert api.post("/auth/change-email/confirm",
                    {"token": token}).status == 401
    assert confirm(person, token[:-1]).status == 400
    assert confirm(person, person.refresh).status == 400
    assert api.post("/auth/password-reset/confirm", {
        "token": token, "new_password": "Another-Pass-9"}).status == 400
    assert confirm(person, token).status == 200


def test_the_owner_takes_his_address_back(api, person, inbox, stack):
    """Rows EC1, EC2: even after the thief has reset the password."""
    address = new_address()
    ask(person, address)
    confirm(person, token_of(inbox.wait(address, "Confirm your new"),
                             "pem_"))
    back = token_of(inbox.wait(person.email, "was changed"), "pun_")
    api.post("/auth/password-reset/request", {"email": address})
    assert api.post("/auth/password-reset/confirm", {
        "token": inbox.reset_token(address),
        "new_password": "Thieves-Pass-9"}).status == 200
    thief = api.post("/auth/login", {"identifier": address,
                                     "password": "Thieves-Pass-9"}).data
    # Nobody else gets it meanwhile.
    assert api.post("/auth/register", {
        "email": person.email, "username": "x" + secrets.token_hex(5),
        "password": "Correct-Horse-7"}).status == 409
    assert undo(api, back).status == 200
    assert undo(api, back).status == 400
    assert api.check(thief["access_token"]) == 401
    for name in (person.email, address):
        assert api.post("/auth/login", {
            "identifier": name, "password": "Thieves-Pass-9"}).status == 401
    api.post("/auth/password-reset/request", {"email": person.email})
    assert api.post("/auth/password-reset/confirm", {
        "token": inbox.reset_token(person.email),
        "new_password": "Owners-Pass-10"}).status == 200
    assert person.try_login("Owners-Pass-10").status == 200


def test_saying_no_voids_what_was_asked(api, person, inbox):
    address = new_address()
    ask(person, address)
    link = token_of(inbox.wait(address, "Confirm your new"), "pem_")
    no = token_of(inbox.wait(person.email, "is to be changed"), "pun_")
    assert undo(api, no).status == 200
    assert person.api.get("/auth/me").status == 401
    assert confirm(person, link).status == 401


def test_a_newer_wish_or_a_new_password_voids_the_older(api, person, inbox):
    """Row EC2."""
    first, second = new_address(), new_address()
    ask(person, first)
    one = token_of(inbox.wait(first, "Confirm your new"), "pem_")
    ask(person, second)
    two = token_of(inbox.wait(second, "Confirm your new"), "pem_")
    assert confirm(person, one).status == 400
    assert person.api.post("/auth/change-password", {
        "old_password": person.password,
        "new_password": "Newer-Pass-11"}).status == 200
    assert confirm(person, two).status == 400


def test_one_of_many_gets_an_address(api, inbox):
    """Row EC3; and a taken one answers like a free one."""
    address = new_address()
    people = [api.new_person() for _ in range(6)]
    for n, p in enumerate(people):
        ask(p, address)
        inbox.wait(address, "Confirm your new", n + 1)
    tokens = [token_of(m, "pem_")
              for m in inbox.of(address, "Confirm your new")]
    results = []
    threads = [threading.Thread(target=lambda p=p: results.append(
        [confirm(p, t).status for t in tokens])) for p in people]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    flat = [s for r in results for s in r]
    assert flat.count(200) == 1 and set(flat) <= {200, 400, 409}
    late = api.new_person()
    assert ask(late, address).json["message"] == ask(
        late, new_address()).json["message"]
    inbox.wait(address, "already")


def test_old_proof_is_not_enough(stack, person):
    """Rows EC1, PV1, PV2."""
    old(stack, person)
    for answer in (
            person.api.post("/auth/change-email",
                            {"new_email": new_address()}),
            person.api.get("/auth/me/export"),
            person.api.delete("/auth/me")):
        assert answer.status == 403, answer
        assert answer.code == "REAUTH_REQUIRED"
    for password, status in (("Wrong-Pass-1", 401), (person.password, 200)):
        assert person.api.send("DELETE", "/auth/me",
                               {"password": password}).status == status


def erase_now(stack, person):
    stack.sql("update users set erase_at = now() - interval '1 second' "
              "where id = %s", person.id)
    stack.sql("update cron_jobs set next_run = now() where name = "
              "'maintenance'")
    until(lambda: stack.sql("select 1 from users where id = %s",
                            person.id) == [], seconds=60)


def test_an_account_is_erased_after_the_cool_off(stack, api, person, inbox):
    """Rows PV2, PV3: nothing of it is left but lines of the audit log."""
    assert person.try_login("Wrong-Pass-1").status == 401
    person.api.post("/api-keys", {"name": "k", "scopes": ["user:read"]})
    person.api.post("/webhooks", {"url": "https://example.com/",
                                  "events": ["*"]})
    answer = person.api.delete("/auth/me")
    assert answer.status == 200 and answer.data["erase_at"], answer
    assert person.api.get("/auth/me").status == 401
    assert api.post("/auth/refresh",
                    {"refresh_token": person.refresh}).status == 401
    inbox.wait(person.email, "will be erased")
    erase_now(stack, person)
    for table in ("sessions", "api_keys", "webhooks", "one_time"):
        assert stack.sql(f"select 1 from {table} where user_id = %s",
                         person.id) == []
    assert stack.sql("select bucket from attempts where bucket like %s",
                     f"login.all:{person.id}%") == []
    assert stack.sql("select 1 from audit_logs where user_id = %s and action"
                     " = 'user.delete'", person.id)
    again = api.post("/auth/register", person.form())
    assert again.status == 201 and again.data["user"]["id"] != person.id


def test_a_login_in_the_cool_off_keeps_the_account(stack, person):
    assert person.api.delete("/auth/me").status == 200
    assert stack.sql("select erase_at is not null from users where id = %s",
                     person.id) == [(True,)]
    person.login()
    assert stack.sql("select erase_at is null from users where id = %s",
                     person.id) == [(True,)]


def test_the_export_holds_everything_and_no_secret(person):
    """Row PV1."""
    key = person.api.post("/api-keys", {
        "name": "exported", "scopes": ["user:read"]}).data["api_key"]
    person.another_session()
    answer = person.api.get("/auth/me/export")
    assert answer.status == 200, answer
    data = answer.data
    assert data["profile"]["email"] == person.email
    assert len(data["sessions"]) == 2
    assert [k["name"] for k in data["api_keys"]] == ["exported"]
    assert {"auth.register", "auth.login", "apikey.create"} <= {
        line["action"] for line in data["audit"]}
    text = answer.body.decode()
    for secret in (key, person.password, person.refresh, "argon2"):
        assert secret not in text


def code_of(inbox, address, n=1):
    text = text_of(inbox.wait(address, "recovery code", n))
    return re.search(r"^\s+(\d{6})$", text, re.M).group(1)


def method(person, inbox, address=None):
    """A proved recovery address."""
    address = address or new_address()
    made = person.api.post("/auth/recovery/methods",
                           {"type": "email", "value": address})
    assert made.status == 201, made
    proved = person.api.post(
        f"/auth/recovery/methods/{made.data['id']}/verify",
        {"code": code_of(inbox, address)})
    assert proved.status == 200 and proved.data["verified"] is True, proved
    return address, made.data["id"]


def start(api, identifier, **more):
    answer = api.post("/auth/recovery/start",
                      dict({"identifier": identifier}, **more))
    assert answer.status == 200, answer
    return answer


def finish(api, challenge, codes, password="Recovered-Pass-1"):
    return api.post("/auth/recovery/confirm", {
        "challenge": challenge, "codes": codes, "new_password": password})


def wrong(code):
    return "%06d" % ((int(code) + 1) % 1000000)


def test_several_methods_each_proved_before_it_counts(api, person, inbox):
    """Row RC4; every change is told."""
    first, _ = method(person, inbox)
    second, number = method(person, inbox)
    third = new_address()
    made = person.api.post("/auth/recovery/methods",
                           {"type": "email", "value": third}).data
    listed = person.api.get("/auth/recovery/methods").data
    assert [(m["value"], m["verified"], m["is_verified"])
            for m in listed] == [(first, True, True), (second, True, True),
                                 (third, False, False)]
    verify = f"/auth/recovery/methods/{made['id']}/verify"
    code = code_of(inbox, third)
    other = api.new_person()
    assert other.api.post(verify, {"code": code}).status == 404
    for _ in range(3):
        assert person.api.post(verify, {"code": wrong(code)}).status == 400
    assert person.api.post(verify, {"code": code}).status == 400
    assert person.api.delete(
        "/auth/recovery/methods/" + number).status == 200
    assert other.api.delete(
        f"/auth/recovery/methods/{made['id']}").status == 404
    for address in (person.email, first):
        inbox.wait(address, "recovery methods")
    again = person.api.post("/auth/recovery/methods",
                            {"type": "email", "value": first})
    assert again.status == 409, again
    for value in (person.email, "nothing", ""):
        assert person.api.post("/auth/recovery/methods", {
            "type": "email", "value": value}).status == 422


def test_an_account_whose_mail_is_lost_is_recovered(stack, api, person,
                                                        inbox):
    """Rows RC2, RC3: once, all sessions end, all addresses are told."""
    address, _ = method(person, inbox)
    challenge = start(api, person.username).data["challenge"]
    code = code_of(inbox, address, 2)
    assert finish(api, challenge, [wrong(code)]).status == 400
    assert finish(api, challenge, [code], "short").status == 422
    done = finish(api, challenge, [code])
    assert done.status == 200, done
    assert stack.sql("select action, result, reason from audit_logs where"
                     " user_id = %s and action in ('recovery.confirm',"
                     " 'password.reset') order by id", person.id) == [
                         ("recovery.confirm", "failure", "INVALID_CODE"),
                         ("password.reset", "success", "recovery")]
    assert finish(api, challenge, [code], "Another-Pass-2").status == 400
    assert person.api.get("/auth/me").status == 401
    assert person.try_login().status == 401
    assert person.try_login("Recovered-Pass-1").status == 200
    for where in (person.email, address):
        inbox.wait(where, "was recovered")


def test_start_tells_nobody_whether_there_is_an_account(api, person, inbox):
    """Row RC2; an unproved method gets nothing."""
    unproved = new_address()
    person.api.post("/auth/recovery/methods",
                    {"type": "email", "value": unproved})
    known = start(api, person.email)
    unknown = start(api, "nobody@example.test")
    for one, two in zip(known.json.items(), unknown.json.items()):
        if one[0] not in ("data", "meta"):
            assert one == two
    shape = [(len(a.data["challenge"]), a.data["challenge"][:4])
             for a in (known, unknown)]
    assert shape[0] == shape[1] == (75, "prc_")
    answers = [finish(api, a.data["challenge"], ["123456"])
               for a in (known, unknown)]
    assert [a.status for a in answers] == [400, 400]
    assert answers[0].json["message"] == answers[1].json["message"]
    assert len(inbox.of(unproved, "recovery code")) == 1
    assert finish(api, person.refresh, ["123456"]).code == "INVALID_TOKEN"


def test_codes_can_be_tried_five_times(api, person, inbox):
    address, _ = method(person, inbox)
    challenge = start(api, person.email).data["challenge"]
    code = code_of(inbox, address, 2)
    for _ in range(5):
        assert finish(api, challenge, [wrong(code)]).status == 400
    assert finish(api, challenge, [code]).status == 400
    assert person.try_login().status == 200


def others_than(code, n):
    """So many wrong codes."""
    return ["%06d" % ((int(code) + i) % 1000000) for i in range(1, n + 1)]


def test_each_code_of_a_request_is_a_try(api, person, inbox):
    """Row RC2."""
    address, _ = method(person, inbox)
    challenge = start(api, person.email).data["challenge"]
    code = code_of(inbox, address, 2)
    assert finish(api, challenge, others_than(code, 4)).status == 400
    assert finish(api, challenge, others_than(code, 1)).status == 400
    assert finish(api, challenge, [code]).status == 400
    assert person.try_login().status == 200


def test_there_are_no_more_codes_than_were_sent(api, person, inbox):
    """Nor does the right one help who guesses beside it."""
    address, _ = method(person, inbox)
    challenge = start(api, person.email).data["challenge"]
    code = code_of(inbox, address, 2)
    for n in (20, 5):
        assert finish(api, challenge, others_than(code, n)).status == 422
    assert finish(api, challenge, [code] + others_than(code, 1)
                  ).status == 400
    assert finish(api, challenge, [code]).status == 200


def test_two_methods_two_codes(api, person, inbox):
    addresses = [method(person, inbox)[0] for _ in range(2)]
    challenge = start(api, person.email).data["challenge"]
    codes = [code_of(inbox, where, 2) for where in addresses]
    wrong_one = others_than(codes[0], 1)
    if wrong_one[0] != codes[1]:
        assert finish(api, challenge, codes + wrong_one).status == 400
    assert finish(api, challenge, codes).status == 200


def test_a_hundred_wrong_codes_end_recovery_until_a_method_is_proved(
        stack, api, person, inbox):
    """Row RL4: over all requests, as of a factor."""
    def failures():
        return stack.sql("select recovery_failures from users where id = %s",
                         person.id)[0][0]
    address, _ = method(person, inbox)
    for n in (2, 3):
        challenge = start(api, person.email).data["challenge"]
        code = code_of(inbox, address, n)
        assert finish(api, challenge, others_than(code, 1)).status == 400
    assert failures() == 2
    stack.sql("update users set recovery_failures = 99 where id = %s",
              person.id)
    assert finish(api, challenge, others_than(code, 1)).status == 400
    for where in (person.email, address):
        inbox.wait(where, "Recovery of your Postern account is locked")
    assert finish(api, challenge, [code]).status == 400
    assert failures() == 100
    start(api, person.email)
    assert len(inbox.of(address, "recovery code")) == 3
    boss = staff(stack, "super_admin")
    assert boss.api.post(f"/admin/users/{person.id}/unlock").status == 200
    assert failures() == 0
    stack.sql("update users set recovery_failures = 100 where id = %s",
              person.id)
    person.login()
    other, _ = method(person, inbox)
    assert failures() == 0
    challenge = start(api, person.email).data["challenge"]
    assert finish(api, challenge, [code_of(inbox, other, 2)]).status == 200


def test_a_newer_recovery_ends_the_older(api, person, inbox):
    address, number = method(person, inbox)
    one = start(api, person.email, method=number).data["challenge"]
    first = code_of(inbox, address, 2)
    two = start(api, person.email, method="email").data["challenge"]
    second = code_of(inbox, address, 3)
    assert finish(api, one, [first]).status == 400
    if first != second:
        assert finish(api, two, [first, second]).status == 400
    assert finish(api, two, [second]).status == 200


def test_one_of_many_confirms(api, person, inbox):
    address, _ = method(person, inbox)
    challenge = start(api, person.email).data["challenge"]
    code = code_of(inbox, address, 2)
    results = []
    threads = [threading.Thread(target=lambda n=n: results.append(finish(
        api, challenge, [code], f"Racing-Pass-{n}").status))
        for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(results) == [200, 400, 400, 400]


def test_with_a_second_factor_one_code_is_not_enough(api, person, inbox):
    """Row RC1."""
    address, _ = method(person.prove(inbox), inbox)
    setup = person.api.post("/auth/2fa/setup", {}).data
    enabled = person.api.post("/auth/2fa/enable",
                              {"code": totp(setup["secret"])})
    assert enabled.status == 200, enabled
    backup = setup["backup_codes"]
    challenge = start(api, person.email).data["challenge"]
    code = code_of(inbox, address, 2)
    assert finish(api, challenge, [code]).status == 400
    assert finish(api, challenge, [code, code]).status == 400
    assert finish(api, challenge, [backup[0]]).status == 400
    assert finish(api, challenge, [code, "AAAA-BBBB-CCCC-DDDD"]
                  ).status == 401
    done = finish(api, challenge, [code, backup[0]])
    assert done.status == 200, done
    answer = person.try_login("Recovered-Pass-1")
    assert answer.status == 200 and answer.data["requires_mfa"] is True


def totp(secret):
    return subprocess.run(["oathtool", "--totp", "-b", secret], check=True,
                          capture_output=True, text=True).stdout.strip()


def by_reset(stack, api, person, inbox):
    api.post("/auth/password-reset/request", {"email": person.email})
    token = inbox.reset_token(person.email)
    return "one_time", lambda: api.post("/auth/password-reset/confirm", {
        "token": token, "new_password": "Another-Pass-9"})


def by_new_address(stack, api, person, inbox):
    address = new_address()
    ask(person, address)
    token = token_of(inbox.wait(address, "Confirm your new"), "pem_")
    return "one_time", lambda: confirm(person, token)


def by_undo(stack, api, person, inbox):
    ask(person, new_address())
    token = token_of(inbox.wait(person.email, "is to be changed"), "pun_")
    return "one_time", lambda: undo(api, token)


def by_method(stack, api, person, inbox):
    address = new_address()
    made = person.api.post("/auth/recovery/methods",
                           {"type": "email", "value": address}).data
    code = code_of(inbox, address)
    return "one_time", lambda: person.api.post(
        f"/auth/recovery/methods/{made['id']}/verify", {"code": code})


def by_recovery(stack, api, person, inbox):
    address, _ = method(person, inbox)
    challenge = start(api, person.email).data["challenge"]
    code = code_of(inbox, address, 2)
    return "recovery_requests", lambda: finish(api, challenge, [code])


def by_factor(stack, api, person, inbox):
    phone = Enrolled(stack, person)
    challenge = phone.challenge()
    code = phone.code()
    return "challenges", lambda: phone.verify(challenge, code)


@pytest.mark.parametrize("proof", [by_reset, by_new_address, by_undo,
                                   by_method, by_recovery, by_factor])
def test_an_account_is_locked_before_what_proves_it(stack, api, person, inbox,
                                                    proof):
    """What ends an account's links and codes locks them behind the account;
    the other way round, one would wait for the other."""
    table, use = proof(stack, api, person, inbox)
    holder = psycopg2.connect(stack["DATABASE_OWNER_URL"])
    with ThreadPoolExecutor() as pool, holder.cursor() as cursor:
        cursor.execute("select from users where id = %s for no key update",
                       [person.id])
        used = pool.submit(use)
        try:
            until(lambda: used.done() or stack.sql(
                "select 1 from pg_locks where not granted"))
            assert not used.done(), used.result()
            cursor.execute(f"select from {table} where user_id = %s"
                           " for update nowait", [person.id])
            assert cursor.rowcount
        finally:
            holder.rollback()
    holder.close()
    assert used.result().status == 200, used.result()
