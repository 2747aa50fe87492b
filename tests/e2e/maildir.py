"""The mail the stack's SMTP server has filed."""
import email
import email.policy
import os
import re

from until import until


class Inbox:
    """All mails of one Maildir; each file is read once."""

    def __init__(self, directory):
        self.directory = os.path.join(directory, "new")
        self.read = {}

    def all(self):
        for name in sorted(os.listdir(self.directory)):
            if name not in self.read:
                with open(os.path.join(self.directory, name), "rb") as f:
                    self.read[name] = email.message_from_binary_file(
                        f, policy=email.policy.default)
        return list(self.read.values())

    def of(self, address, subject=""):
        """Mails to one address, oldest first."""
        return [m for m in self.all() if m["X-RcptTo"] == address
                and subject in m["Subject"]]

    def wait(self, address, subject="", n=1):
        """The n-th mail to an address whose subject has these words."""
        return until(lambda: self.of(address, subject)[n - 1:n],
                     f"mail {n} to {address}: {subject}")[0]

    def otp(self, address, n=1):
        text = text_of(self.wait(address, "verification code", n))
        return re.search(r"^\s+(\d{6})$", text, re.M).group(1)

    def reset_token(self, address, n=1):
        text = text_of(self.wait(address, "Reset your", n))
        return re.search(r"^(pwr_\S+)$", text, re.M).group(1)


def text_of(message):
    return message.get_body(("plain",)).get_content()


def html_of(message):
    return message.get_body(("html",)).get_content()
