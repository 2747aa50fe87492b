"""Two brands from one installation: one Postgres, one Redis, one nginx. What
opens a door of one opens none of the other (docs/brands.md). Row SE8."""
import base64
import contextlib
import hashlib
import hmac
import json
import os
import re
import secrets
import signal
import subprocess
import urllib.parse

import psycopg2
import pytest

from api import Api
from factor import code
from test_hosts import settings
from test_samples import CONF, check, write
from test_worker import free_port
from until import until

PASSWORD = "Correct-Horse-7"


class Named(Api):
    """Requests to one of nginx's server names."""

    def __init__(self, base_url, host, mount="/api/v1", token=None):
        super().__init__(base_url, mount, token)
        self.host = host

    def of(self, token=None, mount=None):
        return Named(self.base_url, self.host, mount or self.mount, token)

    def send(self, method, path, body=None, headers=None, root=False):
        return super().send(method, path, body,
                            {**(headers or {}), "Host": self.host}, root)


class Brand:
    """One instance: database, keys and directory of its own."""

    def __init__(self, stack, name, place, port):
        self.stack, self.name, self.place = stack, name, place
        place.mkdir()
        self.socket = str(place / "postern.sock")
        self.log = open(place / "log", "w+", encoding="utf-8")
        self.database = "brand_" + name
        self.env = {**settings(stack), "APP_NAME": name.title(),
                    "PUBLIC_URL": f"http://{name}.example",
                    "RUNTIME_DIR": str(place), "LOG_FILE": "",
                    "JWT_SECRET": secrets.token_hex(32), "WORKERS": "1",
                    "SEALING_KEYS": self.sealing(),
                    "DATABASE_URL": self.make_database(),
                    "WEBHOOKS_ALLOW_PRIVATE": "true",
                    "RATE_LIMIT_LOGIN": "1000", "RATE_LIMIT_REGISTER": "1000"}
        self.env.pop("DATABASE_OWNER_URL", None)
        self.run("posternctl", "migrate")
        self.web = subprocess.Popen(
            [stack["BIN_DIR"] + "/postern", "--listen", self.socket],
            env=self.env, stderr=self.log)
        until(lambda: os.path.exists(self.socket), name)
        os.chmod(self.socket, 0o777)
        self.api = Named(f"http://127.0.0.1:{port}", name + ".example")

    @staticmethod
    def sealing():
        return "1:" + base64.b64encode(secrets.token_bytes(32)).decode()

    def make_database(self):
        url = urllib.parse.urlsplit(self.stack["DATABASE_OWNER_URL"])
        word = secrets.token_hex(8)
        admin = psycopg2.connect(host=self.stack["RUN_DIR"], port=url.port,
                                 user="postgres", dbname="postgres")
        admin.autocommit = True
        with admin.cursor() as cursor:
            cursor.execute(f'drop database if exists "{self.database}"')
            cursor.execute(f'drop role if exists "{self.database}"')
            cursor.execute(f'create role "{self.database}" login '
                           f"password '{word}'")
            cursor.execute(f'create database "{self.database}" '
                           f'owner "{self.database}"')
        admin.close()
        return url._replace(path="/" + self.database, netloc=(
            f"{self.database}:{word}@{url.hostname}:{url.port}")).geturl()

    def run(self, program, *words):
        return subprocess.run([f"{self.stack['BIN_DIR']}/{program}", *words],
                              env=self.env, check=True, capture_output=True,
                              text=True).stdout

    def sql(self, query, *args):
        with psycopg2.connect(self.env["DATABASE_URL"]) as db, \
                db.cursor() as cursor:
            cursor.execute(query, args)
            return cursor.fetchall() if cursor.description else None

    def fill(self):
        """The same person with the same password, and all he can hold."""
        api = self.api
        word = secrets.token_hex(4)
        self.email = f"ann-{self.name}-{word}@x.test"
        made = api.post("/auth/register", {
            "email": self.email, "username": f"ann-{word}",
            "password": PASSWORD})
        assert made.status == 201, made
        self.verification = made.data.get("verification_token")
        login = self.login(remember_device=True).data
        self.access, self.refresh = login["access_token"], \
            login["refresh_token"]
        self.session, self.device = login["session_id"], \
            login["device_token"]
        mine = api.of(self.access)
        self.key = mine.post("/api-keys", {"name": "k", "scopes": [
            "user:read"]}).data["api_key"]
        self.hook = mine.post("/webhooks", {
            "url": "http://127.0.0.1:9/", "events": ["user.login"]}).data
        api.post("/auth/password-reset/request", {"email": self.email})
        self.run("postern-worker", "--once")
        self.reset = self.stack.inbox.reset_token(self.email)
        self.otp = self.stack.inbox.otp(self.email)
        return self

    def login(self, email=None, **more):
        return self.api.post("/auth/login", {
            "identifier": email or self.email, "password": PASSWORD, **more})

    def challenge(self):
        """Of a login that a second factor must end, of somebody else."""
        email = f"bob-{secrets.token_hex(4)}@x.test"
        assert self.api.post("/auth/register", {
            "email": email, "username": email.split("@")[0],
            "password": PASSWORD}).status == 201
        mine = self.api.of(self.login(email).data["access_token"])
        setup = mine.post("/auth/2fa/setup").data
        assert mine.post("/auth/2fa/enable", {
            "code": code(setup["secret"])}).status == 200
        return self.login(email).data["temp_token"]

    def end(self):
        self.web.send_signal(signal.SIGTERM)
        self.web.wait(20)
        self.log.close()


@pytest.fixture(scope="module")
def brands(the_stack, tmp_path_factory):
    place = tmp_path_factory.mktemp("brands")
    place.chmod(0o755)
    the_stack.up({})
    port = free_port()
    web = nginx(place, port)
    with contextlib.ExitStack() as stop:
        both = []
        for name in ("entativa", "vignette"):
            both.append(Brand(the_stack, name, place / name, port))
            stop.callback(both[-1].end)
        server = subprocess.Popen(
            ["/usr/sbin/nginx", "-c", web, "-p", str(place), "-g",
             "daemon off;"], stderr=subprocess.DEVNULL)
        stop.callback(server.wait, 20)
        stop.callback(server.terminate)
        until(lambda: answers(both[0]), "nginx", 10)
        for brand in both:
            brand.fill()
        yield both


def answers(brand):
    try:
        return brand.api.send("GET", "/health/live", root=True).status == 200
    except OSError:
        return False


def nginx(place, port):
    """The sample, with this place's sockets and port."""
    with open(CONF + "brands/nginx.conf") as file:
        text = file.read().replace("listen 80", f"listen 127.0.0.1:{port}")
    text = re.sub(r"unix:/run/postern-(\w+)/", rf"unix:{place}/\1/", text)
    text = text.replace("include fastcgi_params",
                        "include /etc/nginx/fastcgi_params")
    # The place is its maker's alone.
    user = "user root;" if os.geteuid() == 0 else ""
    return write(place / "nginx.conf", f"""
        {user} pid {place}/pid; error_log {place}/error.log;
        events {{}}
        http {{ access_log off;
        client_body_temp_path {place}/body; fastcgi_temp_path {place}/fcgi;
        proxy_temp_path {place}/proxy; uwsgi_temp_path {place}/uwsgi;
        scgi_temp_path {place}/scgi;
        {text} }}""")


@pytest.fixture(params=[0, 1], ids=["entativa", "vignette"])
def pair(brands, request):
    """One brand, and the other."""
    return brands[request.param], brands[1 - request.param]


def test_each_has_its_own_name(brands):
    one, other = brands
    assert one.api.send("GET", "/health", root=True).json["service"] == \
        "Entativa"
    assert other.api.send("GET", "/health", root=True).json["service"] == \
        "Vignette"
    mail = one.stack.inbox.wait(one.email, "verification code")
    assert "Entativa" in mail["From"] and "Vignette" not in str(mail)


def test_what_opens_one_opens_it(pair):
    """So that the refusals below say something."""
    one, _ = pair
    assert one.api.of(one.access).get("/auth/me").status == 200
    assert one.api.get("/auth/me", X_API_Key=one.key).status == 200


def test_no_token_or_key_of_one_opens_the_other(pair):
    one, other = pair
    assert other.api.of(one.access).get("/auth/me").status == 401
    assert other.api.get("/auth/me", X_API_Key=one.key).status == 401
    assert other.api.of(one.access).post("/auth/logout").status == 401
    assert other.api.post("/auth/refresh", {
        "refresh_token": one.refresh}).status == 401
    # Nor was it used up, or the family ended, by the attempt.
    assert one.api.of(one.access).get("/auth/me").status == 200


def test_no_account_of_one_is_an_account_of_the_other(pair):
    one, other = pair
    assert other.login(one.email).status == 401
    assert other.sql("select 1 from users where email = %s", one.email) == []


def test_no_link_code_or_challenge_of_one_is_taken_by_the_other(pair):
    one, other = pair
    assert other.api.post("/auth/password-reset/confirm", {
        "token": one.reset, "new_password": "Staple-Battery-9"}).status == 400
    assert other.api.post("/auth/verify-email", {
        "email": other.email, "otp": one.otp}).status in (400, 401, 422)
    if one.verification:
        assert other.api.post("/auth/verify-email", {
            "email": other.email, "otp": other.otp,
            "verification_token": one.verification}).status != 200


def test_no_challenge_of_one_ends_a_login_of_the_other(pair):
    one, other = pair
    challenge = one.challenge()
    for path in ("/auth/2fa/verify", "/2fa/verify", "/mfa/verify"):
        answer = other.api.post(path, {"temp_token": challenge,
                                       "code": "123456"})
        assert answer.status == 401, (path, answer)
        answer = other.api.of(challenge).post(path, {"code": "123456"})
        assert answer.status == 401, (path, answer)


def test_no_device_of_one_is_known_to_the_other(pair):
    """Its own it knows."""
    one, other = pair
    used = "select last_used_at from devices order by id limit 1"
    before = other.sql(used)
    assert other.login(device_token=one.device).status == 200
    assert other.sql(used) == before
    assert other.login(device_token=other.device).status == 200
    assert other.sql(used) > before


def test_no_webhook_of_one_is_signed_as_the_others(pair):
    one, other = pair
    body = json.dumps({"a": 1}).encode()
    signs = [hmac.new(b.hook["secret"].encode(), body,
                      hashlib.sha256).hexdigest() for b in (one, other)]
    assert signs[0] != signs[1]
    assert other.api.of(other.access).get(
        "/webhooks/" + one.hook["id"]).status == 404


def test_no_cache_entry_of_one_is_believed_by_the_other(pair):
    """Both in one Redis, under one kind of name: an entry of one that says a
    session stands does not raise the other's."""
    one, other = pair
    cache = one.stack.cache()
    token = other.login().data
    mine = one.login().data
    assert one.api.of(mine["access_token"]).get("/auth/me").status == 200
    entry = cache.get("session:" + mine["session_id"])
    assert entry is not None  # the name that is documented
    assert other.api.of(token["access_token"]).post(
        "/auth/logout").status == 200
    cache.set("session:" + token["session_id"], entry)
    cache.delete(*[k for k in cache.keys("stale:*")] or ["none"])
    assert other.api.of(token["access_token"]).get("/auth/me").status == 401


def test_no_limit_of_one_is_counted_by_the_other(pair):
    one, other = pair
    names = {key.decode() for key in one.stack.cache().keys("rate_limit:*")}
    for kind in ("login", "register"):
        found = {n for n in names if n.startswith(f"rate_limit:{kind}:")
                 and n.endswith("-127.0.0.1")}
        assert len(found) >= 2, (kind, names)
    assert {n.split(":")[2].split("-")[0] for n in names
            if n.startswith("rate_limit:user:")}


def test_no_key_of_one_seals_for_the_other(pair):
    """The database of one under the settings of the other gives no secret."""
    one, other = pair
    env = {**one.env, "DATABASE_URL": other.env["DATABASE_URL"]}
    other.api.post("/auth/password-reset/request", {"email": other.email})
    job = other.sql("select count(*) from jobs where state = 'ready'")
    done = subprocess.run(
        [one.stack["BIN_DIR"] + "/postern-worker", "--once"], env=env,
        capture_output=True, text=True, check=False)
    assert done.returncode == 0 and job[0][0] >= 1
    mails = one.stack.inbox.of(other.email, "Reset your")
    assert len(mails) == 1  # the one of its own worker


def test_nginx_gives_no_brand_to_another_name(brands):
    stranger = Named(brands[0].api.base_url, "other.example")
    with pytest.raises(OSError):
        stranger.send("GET", "/health", root=True)


@pytest.mark.parametrize("name", ["entativa", "vignette"])
def test_the_samples_of_both_are_taken(stack, name, tmp_path):
    with open(f"{CONF}brands/{name}.yaml") as file:
        text = file.read()
    for kind, value in (("jwt", secrets.token_hex(32)),
                        ("sealing", Brand.sealing())):
        (tmp_path / kind).write_text(value)
        (tmp_path / kind).chmod(0o600)
        text = text.replace(f"/etc/postern/{name}.{kind}",
                            str(tmp_path / kind))
    path = write(tmp_path / "brand.yaml", text)
    said = subprocess.run(
        [stack["BIN_DIR"] + "/postern", "--print-config", "--config", path],
        env={}, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    assert f"runtime_dir: /run/postern-{name} " in said.stdout


def test_systemd_takes_the_units_of_a_brand(tmp_path):
    made = []
    for unit in ("postern@.socket", "postern@.service",
                 "postern-worker@.service"):
        text = subprocess.run(
            ["sed", "-f", CONF + "brands/units.sed",
             f"{CONF}systemd/{unit.replace('@', '')}.in"], check=True,
            capture_output=True, text=True).stdout
        for word, place in (("bindir", tmp_path), ("docdir", tmp_path),
                            ("sysconfdir", "/etc")):
            text = text.replace(f"@{word}@", str(place))
        if unit.endswith("service"):
            assert "User=postern-%i" in text
            assert "--config /etc/postern/%i.yaml" in text
            assert "RuntimeDirectory=postern-%i" in text
        assert "/postern/postern" not in text
        made.append(write(tmp_path / unit.replace("@", "@entativa"), text))
    for program in ("postern", "postern-worker"):
        (tmp_path / program).write_text("#!/bin/sh\n")
        (tmp_path / program).chmod(0o755)
    said = check("systemd-analyze", "verify", "--man=no", *made)
    assert not [x for x in said.splitlines() if "postern" in x], said
