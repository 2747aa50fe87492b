"""A client of the HTTP surface, and what tests need to know of its answers.

Every secret that goes in or out is remembered in SECRETS, so that the last
test can look for them where they must not be (row LO1).
"""
import http.client
import json
import secrets
import urllib.parse

SECRETS = set()
SECRET_KEYS = {
    "password", "new_password", "old_password", "current_password", "token",
    "refresh_token", "access_token", "api_key", "device_token", "otp",
    "newPassword", "refreshToken", "accessToken", "apiKey",
}


def remember(value):
    """Note the secrets of a JSON value, at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in SECRET_KEYS and isinstance(inner, str):
                SECRETS.add(inner)
            remember(inner)
    elif isinstance(value, list):
        for inner in value:
            remember(inner)


def within(seconds, so_far=60):
    """The ways an answer may say how long is left of so many seconds, a busy
    minute after they began."""
    words = set()
    for left in range(seconds - so_far, seconds + 1):
        hours, minutes = left // 3600, left // 60 % 60
        words.add((f"{hours}h" if hours else "") +
                  (f"{minutes}m" if left >= 60 else "") + f"{left % 60}s")
    return words


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def data(self):
        return self.json["data"]

    @property
    def code(self):
        return self.json.get("code")

    @property
    def fields(self):
        """The names in `errors`."""
        return [e["field"] for e in self.json.get("errors", [])]

    def __repr__(self):
        return f"{self.status} {self.body[:600].decode(errors='replace')}"


class Api:
    """Requests below one mount; token, when given, is sent as Bearer."""

    def __init__(self, base_url, mount="/api/v1", token=None):
        self.base_url = base_url
        self.mount = mount
        self.token = token

    def of(self, token=None, mount=None):
        return Api(self.base_url, mount or self.mount, token)

    def send(self, method, path, body=None, headers=None, root=False):
        """One request on a connection of its own; str and dict bodies are
        JSON, bytes go as they are."""
        host = urllib.parse.urlsplit(self.base_url)
        headers = {k: v for k, v in (headers or {}).items() if v is not None}
        if isinstance(body, (dict, list)):
            remember(body)
            body = json.dumps(body)
        if isinstance(body, str):
            headers.setdefault("Content-Type", "application/json")
            body = body.encode()
        if self.token is not None:
            headers.setdefault("Authorization", "Bearer " + self.token)
        conn = http.client.HTTPConnection(host.hostname, host.port,
                                          timeout=30)
        try:
            conn.request(method, (host.path if root else host.path +
                                  self.mount) + path, body, headers)
            answer = Answer(conn.getresponse())
        finally:
            conn.close()
        try:
            remember(answer.json)
        except ValueError:
            pass
        return answer

    def get(self, path, **headers):
        return self.send("GET", path, headers=dashes(headers))

    def post(self, path, body=None, **headers):
        return self.send("POST", path, body, dashes(headers))

    def put(self, path, body=None, **headers):
        return self.send("PUT", path, body, dashes(headers))

    def patch(self, path, body=None, **headers):
        return self.send("PATCH", path, body, dashes(headers))

    def delete(self, path, **headers):
        return self.send("DELETE", path, headers=dashes(headers))

    def root(self, method, path, **headers):
        return self.send(method, path, headers=dashes(headers), root=True)

    def new_person(self, **more):
        """Somebody who just registered, with a session where one is given."""
        person = Person(self, **more)
        person.registered = self.post("/auth/register", person.form())
        assert person.registered.status == 201, person.registered
        person.take(person.registered.data)
        return person

    def check(self, token):
        """Does this access token open anything?"""
        return self.of(token).get("/auth/me").status


def dashes(headers):
    return {name.replace("_", "-"): value for name, value in headers.items()}


class Person:
    def __init__(self, api, **more):
        word = secrets.token_hex(6)
        self.anonymous = api.of(None)
        self.username = "u" + word
        self.email = self.username + "@example.test"
        self.password = "Aa1-" + secrets.token_urlsafe(12)
        self.more = more
        self.access = self.refresh = self.session = None
        for name in ("username", "email", "password"):
            setattr(self, name, more.pop(name, getattr(self, name)))

    def form(self, **change):
        return dict({"email": self.email, "username": self.username,
                     "password": self.password}, **self.more, **change)

    def take(self, data):
        """Remember the tokens of an answer."""
        self.id = data["user"]["id"] if "user" in data else self.id
        self.access = data.get("access_token")
        self.refresh = data.get("refresh_token")
        self.session = data.get("session_id", self.session)
        return self

    @property
    def api(self):
        return self.anonymous.of(self.access)

    def try_login(self, password=None, **more):
        return self.anonymous.post("/auth/login", dict(
            {"identifier": self.email,
             "password": password or self.password}, **more))

    def login(self, **more):
        """Another session; the tokens are the new one's."""
        answer = self.try_login(**more)
        assert answer.status == 200, answer
        return self.take(answer.data)

    def prove(self, inbox, n=1):
        """Show the mailed code and the session: everything stays."""
        answer = self.api.post("/auth/verify-email", {
            "email": self.email, "otp": inbox.otp(self.email, n)})
        assert answer.status == 200, answer
        return self

    def another_session(self):
        other = Person(self.anonymous, email=self.email,
                       username=self.username, password=self.password)
        return other.login()
