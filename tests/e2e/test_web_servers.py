"""The same core flow behind every web server, and as plain CGI."""
import secrets
import subprocess

import pytest

from conftest import ROOT
from test_api_keys import make, use
from test_slow import always_413
from test_system import whole_flow
from until import until


def first_requests(stack, inbox):
    """The shell lines of the README, with a name of their own; the last
    access token."""
    with open(ROOT + "/README.md") as f:
        block = f.read().split("## The first requests", 1)[1].split("```")[1]
    name = "r" + secrets.token_hex(5)
    for old, new in (("sh\n", ""), ("ann@example.com", name + "@x.test"),
                     ('"ann"', f'"{name}"'),
                     ("http://localhost:8001", stack["BASE_URL"])):
        assert old in block
        block = block.replace(old, new, 1 if old == "sh\n" else -1)
    register, rest = block.split("# the six digits")
    shell(register)
    assert "123456" in rest
    said = shell(register.splitlines()[0] + "\n#" + rest.replace(
        "123456", inbox.otp(name + "@x.test")) + "\necho $TOKEN")
    stack.forget(name + "@x.test")
    return said.splitlines()


def shell(text):
    """What it prints; every line of it succeeds."""
    return subprocess.run(["bash", "-euo", "pipefail"], input=text,
                          check=True, capture_output=True, text=True).stdout


class Behind:
    def test_the_lines_of_the_readme_work(self, stack, api, inbox):
        *said, token = first_requests(stack, inbox)
        assert '"success": true' in "".join(said[-12:])
        assert api.check(token) == 401

    def test_the_whole_flow(self, api, inbox):
        whole_flow(api, inbox)

    def test_what_the_edge_must_not_change(self, api, person):
        """Methods, overrides, Authorization, bodies, errors, HEAD."""
        assert person.api.get("/auth/me").data["id"] == person.id
        answer = person.api.post("/auth/me", {"first_name": "Ada"},
                                 X_HTTP_Method_Override="PATCH")
        assert answer.status == 200
        for method in ("PUT", "PATCH"):
            answer = person.api.send(method, "/auth/me", {"last_name": "L"})
            assert answer.status == 200
        other = person.another_session()
        assert person.api.delete("/auth/sessions/" + other.session
                                 ).status == 200
        assert person.api.send("HEAD", "/auth/me").body == b""
        assert api.get("/nothing").status == 404
        answer = api.send("DELETE", "/auth/login")
        assert (answer.status, answer.headers["Allow"]) == (
            405, "POST, OPTIONS")
        answer = api.get("/auth/me")
        assert answer.status == 401 and answer.headers["WWW-Authenticate"]
        assert api.post("/auth/login", "{").status == 400
        assert api.post("/auth/login", {}).status == 422
        assert api.post("/auth/login", b"x", Content_Type="text/plain"
                        ).status == 415
        assert api.post("/auth/login", {"a": "x" * 70000}).status == 413
        assert api.get("/auth/me%2f").status in (400, 404)
        assert api.get("/info", X_Request_Id="mine").headers[
            "X-Request-Id"] == "mine"

    def test_a_body_too_large_is_413_every_time(self, stack):
        always_413(stack["BASE_URL"], 3)

    def test_the_client_is_the_peer(self, stack, api, person):
        """Row HB1."""
        sid = person.login().session
        assert stack.sql("select ip_address from sessions where id = %s",
                         sid) == [("127.0.0.1",)]


@pytest.mark.slow
@pytest.mark.stack(WEB="apache")
class TestApache(Behind):
    pass


@pytest.mark.slow
@pytest.mark.stack(WEB="lighttpd")
class TestLighttpd(Behind):
    pass


@pytest.mark.slow
@pytest.mark.stack(WEB="cgi")
class TestCGI(Behind):
    def test_uses_of_a_key_outlive_the_process(self, api, person):
        """lighttpd ends a CGI as soon as it has the answer."""
        made = make(person)
        for _ in range(5):
            assert use(api, made["api_key"]).status == 200
        until(lambda: person.api.get("/api-keys/" + made["id"]).data[
            "usage_count"] == 5, "five uses")


class TestNginx(Behind):
    pass
