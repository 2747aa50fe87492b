"""A provider of text messages, as the tests' own: what was sent, to whom."""
import http.server
import json
import re
import threading
import urllib.parse

import pytest

from until import until


class Provider:
    """Takes messages as Twilio does, and plain JSON at any other path."""

    def __init__(self):
        self.got, self.status = [], []
        self.lock = threading.Lock()
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with provider.lock:
                    provider.got.append((self.path, dict(self.headers), body))
                    status = provider.status.pop(0) if provider.status \
                        else 201
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def to(self, phone):
        """Texts to a number, oldest first."""
        texts = []
        for path, headers, body in list(self.got):
            form = json.loads(body) if "json" in headers["Content-Type"] \
                else dict(urllib.parse.parse_qsl(body.decode()))
            if phone in (form.get("To"), form.get("to")):
                texts.append(form.get("Body", form.get("text")))
        return texts

    def code(self, phone, n=1):
        text = until(lambda: self.to(phone)[n - 1:n], "an SMS")[0]
        return re.match(r"\d{6}", text).group(0)


PROVIDER = Provider()
TWILIO = pytest.mark.stack(
    TWILIO_API_URL=PROVIDER.url, TWILIO_ACCOUNT_SID="AC0123456789",
    TWILIO_AUTH_TOKEN="7c2f1b9e5d8a4c6f", TWILIO_PHONE_NUMBER="+15005550006")
numbers = iter(range(10000000, 99999999))
