"""Everybody whom the requests are about, each in the state that a request
wants; the same for every request, because the database is put back."""
import re

from factor import Enrolled, code
from maildir import text_of
from provider import PROVIDER, numbers
from staff import custom_role, staff


def code_of(text):
    return re.search(r"^\s+(\d{6})$", text, re.M).group(1)


def token_of(text, prefix):
    return re.search(r"^(%s\S+)$" % prefix, text, re.M).group(1)


def fine(answer):
    assert answer.status in (200, 201), answer
    return answer


class World:
    """stack: of tests/e2e."""

    def __init__(self, stack):
        self.stack, self.inbox = stack, stack.inbox
        stack.forget_limits()
        self.ann = stack.api.new_person().prove(self.inbox)
        self.second = self.ann.another_session()
        self.boss = staff(stack, "super_admin")
        self.target = stack.api.new_person().prove(self.inbox)
        for make in (self.make_denied, self.make_things, self.make_links,
                     self.make_roles, self.make_factors, self.make_recovery):
            make()
        self.lengthen()

    def person(self):
        return self.stack.api.new_person().prove(self.inbox)

    def mail(self, address, subject, n=1):
        return text_of(self.inbox.wait(address, subject, n))

    def make_denied(self):
        """Sessions that open nothing, or not everything."""
        gone = self.person()
        fine(gone.api.post("/auth/logout"))
        self.ended = gone.access
        self.stale = self.person()
        self.stale_boss = staff(self.stack, "super_admin")

    def make_things(self):
        api = self.ann.api
        self.key = fine(api.post("/api-keys", {
            "name": "k", "scopes": ["*"], "rate_limit": 100000})).data
        self.hook = fine(api.post("/webhooks", {
            "url": "https://127.0.0.1:9/", "events": ["user.login"]})).data
        fine(api.post(f"/webhooks/{self.hook['id']}/test"))
        self.delivery = fine(api.get(
            f"/webhooks/{self.hook['id']}/deliveries")).data[0]["id"]
        other = fine(self.boss.api.post("/api-keys", {
            "name": "tokens", "scopes": ["tokens:read"],
            "rate_limit": 100000}))
        self.reader = other.data["api_key"]

    def make_links(self):
        """What was mailed and not used yet."""
        self.unproved = self.stack.api.new_person()
        self.code = self.inbox.otp(self.unproved.email)
        self.forgetful = self.person()
        fine(self.stack.api.post("/auth/password-reset/request",
                                 {"email": self.forgetful.email}))
        self.reset = self.inbox.reset_token(self.forgetful.email)
        self.mover, self.moved = self.person(), self.person()
        new = ["new-" + p.email for p in (self.mover, self.moved)]
        for p, address in zip((self.mover, self.moved), new):
            fine(p.api.post("/auth/change-email", {"new_email": address}))
        self.confirm, done = (token_of(self.mail(
            a, "Confirm your new"), "pem_") for a in new)
        fine(self.moved.api.post("/auth/change-email/confirm",
                                 {"token": done}))
        self.undo = token_of(self.mail(self.moved.email, "was changed"),
                             "pun_")

    def make_roles(self):
        self.role = custom_role(self.boss, "users.read")
        self.held = custom_role(self.boss, "users.read")
        fine(self.boss.api.post(f"/admin/users/{self.target.id}/roles",
                                {"role": self.held["name"]}))
        self.idle = self.person()
        fine(self.boss.api.post(f"/admin/users/{self.idle.id}/deactivate"))

    def make_factors(self):
        self.enrolled = Enrolled(self.stack, self.person())
        self.device = fine(self.enrolled.login(
            remember_device=True)).data["device_token"]
        self.challenge = self.enrolled.challenge()
        self.half = self.person()
        self.secret = fine(self.half.api.post("/auth/2fa/setup")
                           ).data["secret"]
        self.by_sms, self.by_mail = self.person(), self.person()
        for p in (self.by_sms, self.by_mail):
            self.start_factor(p)
        self.texted, self.mailed = self.person(), self.person()
        for p, path in ((self.texted, "sms"), (self.mailed, "email")):
            sent = self.start_factor(p)
            fine(p.api.post(f"/auth/2fa/{path}/verify-setup",
                            {"code": sent}))
        self.sms_challenge, self.mail_challenge = (
            fine(p.try_login()).data["temp_token"]
            for p in (self.texted, self.mailed))

    def start_factor(self, person):
        """By SMS or by mail, as whose it is; the code that was sent."""
        if person in (self.by_sms, getattr(self, "texted", None)):
            phone = f"+4930{next(numbers)}"
            fine(person.api.post("/auth/2fa/sms/setup", {"phone": phone}))
            person.code = PROVIDER.code(phone)
        else:
            fine(person.api.post("/auth/2fa/email/setup"))
            person.code = code_of(self.mail(person.email, "Postern code"))
        return person.code

    def add_method(self, person, address):
        return fine(person.api.post("/auth/recovery/methods", {
            "type": "email", "value": address})).data["id"]

    def make_recovery(self):
        address = "lost-" + self.ann.email
        self.method = self.add_method(self.ann, address)
        self.method_code = code_of(self.mail(address, "recovery code"))
        self.lost = self.person()
        address = "lost-" + self.lost.email
        number = self.add_method(self.lost, address)
        fine(self.lost.api.post(
            f"/auth/recovery/methods/{number}/verify",
            {"code": code_of(self.mail(address, "recovery code"))}))
        self.recovery = fine(self.stack.api.post(
            "/auth/recovery/start", {"identifier": self.lost.email})
            ).data["challenge"]
        self.recovery_codes = [code_of(self.mail(address, "recovery code",
                                                 2))]

    def lengthen(self):
        """Nothing of it runs out while it is used for minutes."""
        sql = self.stack.sql
        for table, column in sql("""
                select table_name, column_name from
                information_schema.columns join information_schema.tables
                using (table_schema, table_name)
                where table_schema = 'public' and table_type = 'BASE TABLE'
                and column_name = 'expires_at' and table_name in
                ('one_time', 'challenges', 'factor_codes', 'sessions',
                'recovery_requests')"""):
            sql(f"update {table} set {column} = {column} + "
                "interval '3 hours'")
        sql("update sessions set proved_at = now() + interval '3 hours'")
        for person in (self.stale, self.stale_boss):
            self.stack.age_proof(person, 60)

    def totp(self, secret=None):
        return code(secret or self.enrolled.secret)


