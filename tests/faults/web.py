"""Requests, and what may be answered to them while something is broken."""

import http.client
import json
import threading
import time
import urllib.parse

# What nginx says for a program that died under a request.
BROKEN = frozenset((0, 502, 504))


class Answer:
    def __init__(self, what, status, headers, raw, began):
        self.what = what
        self.status = status
        self.headers = headers
        self.raw = raw
        self.began = began
        self.ended = time.monotonic()
        try:
            self.body = json.loads(raw)
        except ValueError:
            self.body = None

    @property
    def ok(self):
        return 200 <= self.status < 300

    @property
    def unknown(self):
        """The request may have been done, or not."""
        return self.status in BROKEN or self.status == 503

    @property
    def data(self):
        return (self.body or {}).get("data") or {}

    def __str__(self):
        return f"{self.what} {self.status} {self.raw[:160]!r}"


class Watch:
    """Sees every answer of a scenario; keeps what must not be, and when
    service was refused."""

    def __init__(self, allow=frozenset()):
        self.allow = allow
        self.breaches = []
        self.refused = []  # (began, ended, status)
        self.served = 0
        self.lock = threading.Lock()

    def breach(self, text):
        with self.lock:
            self.breaches.append(text)

    def see(self, a):
        fault = self.fault(a)
        with self.lock:
            if fault:
                self.breaches.append(f"{fault}: {a}")
            if a.unknown or a.status >= 500:
                self.refused.append((a.began, a.ended, a.status))
            else:
                self.served += 1

    def fault(self, a):
        if a.status in BROKEN:
            return None if a.status in self.allow else "no answer of ours"
        if not isinstance(a.body, dict):
            return "no JSON"
        if a.status == 503:
            if not a.headers.get("Retry-After", "").isdigit():
                return "503 without Retry-After"
            if "status" not in a.body and (
                    a.body.get("success") is not False
                    or not a.body.get("code")):
                return "503 without a code"
        elif a.status >= 500:
            return "a fault of the program"
        elif a.ok and a.body.get("success") is not True \
                and "status" not in a.body:
            return "a success that is none"
        return None

    def last_refusal(self, since):
        """Seconds from since to the end of the last refusal begun after."""
        with self.lock:
            ends = [e for b, e, _ in self.refused if b >= since]
        return max(ends) - since if ends else 0.0


class Web:
    """One client: a kept connection, renewed when it broke."""

    def __init__(self, base, watch):
        self.netloc = urllib.parse.urlsplit(base).netloc
        self.watch = watch
        self.conn = None

    def ask(self, method, path, body=None, token=None, key=None,
            client=None, watch=True):
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = "Bearer " + token
        if key:
            headers["Idempotency-Key"] = key
        if client:
            headers["X-Forwarded-For"] = client
        text = json.dumps(body) if body is not None else None
        if not path.startswith("/health"):
            path = "/api/v1" + path
        answer = self.exchange(method, path, text, headers)
        if watch:
            self.watch.see(answer)
        return answer

    def exchange(self, method, path, text, headers):
        began = time.monotonic()
        try:
            if self.conn is None:
                self.conn = http.client.HTTPConnection(self.netloc,
                                                       timeout=20)
            self.conn.request(method, path, text, headers)
            r = self.conn.getresponse()
            raw = r.read()
            if r.will_close:
                self.close()
            return Answer(path, r.status, r.headers, raw, began)
        except (OSError, http.client.HTTPException) as e:
            self.close()
            return Answer(path, 0, {}, repr(e).encode(), began)

    def close(self):
        if self.conn:
            self.conn.close()
        self.conn = None

    # the service's verbs

    def login(self, account, password=None, client=None, **kw):
        return self.ask("POST", "/auth/login", {
            "identifier": account.email,
            "password": password or account.password}, client=client, **kw)

    def me(self, access, **kw):
        return self.ask("GET", "/auth/me", token=access, **kw)

    def refresh(self, token, key=None, **kw):
        return self.ask("POST", "/auth/refresh", {"refresh_token": token},
                        key=key, **kw)

    def logout(self, access, **kw):
        return self.ask("POST", "/auth/logout", {}, token=access, **kw)
