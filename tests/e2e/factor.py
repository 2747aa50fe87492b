"""An authenticator application, and people who have one."""
import subprocess
import time

from api import SECRET_KEYS, SECRETS

# Not the codes: six digits are found in any log.
SECRET_KEYS |= {"secret", "qr_code_url", "otpauth_url", "temp_token",
                "tempToken"}


def code(secret, step=0):
    """oathtool's code of this step, or of one before or after it. The step is
    not about to end."""
    while time.time() % 30 > 26:
        time.sleep(0.1)
    return subprocess.run(
        ["oathtool", "--totp", "-b", "--now", f"@{int(time.time()) + 30 * step}",
         secret], check=True, capture_output=True, text=True).stdout.strip()


class Enrolled:
    """Somebody with an authenticator application. What it showed while it was
    set up is used up; each further code is of a step after that."""

    def __init__(self, stack, person, mfa="/auth/2fa"):
        self.stack, self.person = stack, person
        setup = person.api.post(mfa + "/setup")
        assert setup.status == 200, setup
        self.setup = setup.data
        self.secret = self.setup["secret"]
        self.backup = self.setup["backup_codes"]
        SECRETS.update(self.backup)
        self.enabled = person.api.post(mfa + "/enable",
                                       {"code": code(self.secret, -1)})
        assert self.enabled.status == 200, self.enabled

    def prove(self):
        """Step this session up: to enable a factor was no proof."""
        answer = self.person.api.post("/auth/2fa/verify",
                                      {"code": self.code()})
        assert answer.status == 200, answer
        return self

    def forget_steps(self):
        """As if an hour had gone by without a code."""
        self.stack.sql("update factors set last_step = 0 "
                       "where subject_id = %s", self.person.id)

    def code(self, step=0):
        self.forget_steps()
        return code(self.secret, step)

    def wrong(self):
        """Six digits that are none of the three."""
        right = {code(self.secret, s) for s in (-2, -1, 0, 1, 2)}
        return next(f"{i:06d}" for i in range(10) if f"{i:06d}" not in right)

    def challenge(self, **more):
        answer = self.person.try_login(**more)
        assert answer.status == 200, answer
        assert answer.data["token_type"] == "challenge", answer
        return answer.data["temp_token"]

    def verify(self, challenge, code, **more):
        return self.person.anonymous.post(
            "/auth/2fa/verify", dict({"temp_token": challenge, "code": code},
                                     **more))

    def login(self, **more):
        answer = self.verify(self.challenge(), self.code(), **more)
        assert answer.status == 200, answer
        self.person.take(answer.data)
        return answer
