"""HTTP at the edge: methods, bodies, paths, headers, origins, addresses."""
import http.client
import gzip
import json
import urllib.parse

import pytest


def raw(api, method, path, headers=(), body=None):
    """A request with header lines just as they are given."""
    host = urllib.parse.urlsplit(api.base_url)
    conn = http.client.HTTPConnection(host.hostname, host.port, timeout=30)
    conn.putrequest(method, path, skip_accept_encoding=True)
    for name, value in headers:
        conn.putheader(name, value)
    conn.endheaders(body)
    response = conn.getresponse()
    content = response.read()
    conn.close()
    return response, content


@pytest.mark.parametrize("mount", ["/api/v1", "/api"])
@pytest.mark.parametrize("path, allowed", [
    ("/auth/login", "POST"), ("/auth/signup", "POST"),
    ("/auth/me", "GET, HEAD, PUT, PATCH, DELETE"),
    ("/user/profile", "GET, HEAD, PUT, PATCH, DELETE"),
    ("/auth/sessions", "GET, HEAD, DELETE"), ("/auth/sessions/1", "DELETE"),
    ("/api-keys", "POST, GET, HEAD"), ("/api-keys/1", "GET, HEAD, DELETE"),
    ("/health", "GET, HEAD"), ("/info", "GET, HEAD"),
])
def test_another_method_is_405_and_told_which(api, mount, path, allowed):
    """Row HB7."""
    wanted = set(allowed.split(", ")) | {"OPTIONS"}
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"):
        if method in wanted:
            continue
        answer = api.of(mount=mount).send(method, path)
        assert (answer.status, answer.code) == (405, "METHOD_NOT_ALLOWED")
        assert set(answer.headers["Allow"].split(", ")) == wanted
    for method in ("TRACE", "CONNECT"):
        response, _ = raw(api, method, mount + path)
        assert response.status in (400, 405)


@pytest.mark.parametrize("path", ["/auth/login", "/auth/me", "/health"])
def test_options_tells_the_methods(api, path):
    answer = api.send("OPTIONS", path)
    assert answer.status == 204
    assert "OPTIONS" in answer.headers["Allow"]
    assert api.send("OPTIONS", "/nothing").status == 404


@pytest.mark.usefixtures("hand")
def test_head_is_get_without_a_body(api, person):
    for path in ("/auth/me", "/health/live", "/info", "/nothing"):
        get = person.api.get(path)
        head = person.api.send("HEAD", path)
        assert head.status == get.status
        assert head.body == b""
        assert set(get.headers.keys()) - {"Content-Length"} <= set(
            head.headers.keys())


@pytest.mark.parametrize("method", ["PUT", "PATCH", "put"])
def test_a_method_can_be_overridden_on_post(person, method):
    """Hosts that block PUT and DELETE."""
    if method.isupper():
        answer = person.api.post("/auth/me", {"first_name": "Ada"},
                                 X_HTTP_Method_Override=method)
        assert answer.status == 200
        assert answer.data["first_name"] == "Ada"
    else:
        assert person.api.post("/auth/me", {"first_name": "Ada"},
                               X_HTTP_Method_Override=method).status == 405


def test_delete_can_be_overridden(api, person):
    other = person.another_session()
    assert person.api.post("/auth/sessions/" + other.session,
                           X_HTTP_Method_Override="DELETE").status == 200
    assert api.check(other.access) == 401


def test_an_override_is_nothing_but_put_patch_or_delete_on_post(person):
    for word in ("GET", "HEAD", "TRACE", "OPTIONS", "x", ""):
        answer = person.api.post("/auth/me", X_HTTP_Method_Override=word)
        assert answer.status == 405
    answer = person.api.get("/auth/me", X_HTTP_Method_Override="DELETE")
    assert answer.status == 200


@pytest.mark.parametrize("kind", [
    "text/plain", "application/x-www-form-urlencoded", "application/jsonx",
    "application/json; charset=latin-1", "multipart/form-data; boundary=x",
    "text/json", None,
])
def test_a_body_that_is_no_json_is_415(api, person, kind):
    body = json.dumps({"email": person.email, "password": person.password})
    answer = api.post("/auth/login", body.encode(), Content_Type=kind)
    assert (answer.status, answer.code) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("kind", [
    "application/json", "Application/JSON", "application/json;charset=UTF-8",
    'application/json; charset="utf-8"',
])
def test_json_by_any_of_its_names(api, person, kind):
    body = json.dumps({"email": person.email, "password": person.password})
    assert api.post("/auth/login", body.encode(), Content_Type=kind
                    ).status == 200


@pytest.mark.usefixtures("hand")
@pytest.mark.parametrize("body", [
    b"{", b"", b"nothing", b"[]", b'"text"', b"null", b"7", b"{}{}",
    b'{"email":"a@b.test","email":"c@d.test"}', b"{'email':1}",
    b'{"email":"\xff"}', b'{"email":"a\x00b"}', b'{"email":"a\\u0000b"}',
    b'{"email":"\\ud800"}', b'{"a":01}', b'{"a":1e999}', b'{"a":NaN}',
    b'{"a":tru}', b'{"a":1,}', b'{"a" 1}', b'\xef\xbb\xbf\xef\xbb\xbf{}',
    b'{"a":' + b"[" * 40 + b"]" * 40 + b"}", b"{} x",
])
def test_json_is_strict(api, body):
    """Rows HB7, HB8."""
    answer = api.post("/auth/login", body, Content_Type="application/json")
    if body == b"":
        assert answer.status == 422
    else:
        assert (answer.status, answer.code) == (400, "INVALID_JSON")


def test_a_byte_order_mark_is_no_part_of_the_body(api, person):
    """Windows writes one."""
    body = json.dumps({"email": person.email, "password": person.password})
    answer = api.post("/auth/login", b"\xef\xbb\xbf" + body.encode(),
                      Content_Type="application/json")
    assert answer.status == 200


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "x, gzip"])
def test_a_compressed_body_is_415(api, person, encoding):
    body = json.dumps({"email": person.email, "password": person.password})
    packed = gzip.compress(body.encode())
    for data in packed, body.encode():
        answer = api.post("/auth/login", data, Content_Encoding=encoding,
                          Content_Type="application/json")
        assert (answer.status, answer.code) == (415, "UNSUPPORTED_MEDIA_TYPE")
        assert "compressed" in answer.json["message"]
        assert answer.headers["Accept-Encoding"] == "identity"
    assert api.post("/auth/login", body, Content_Encoding="identity"
                    ).status == 200


@pytest.mark.usefixtures("hand")
def test_a_body_has_a_size(api):
    """Row HB8."""
    fits = {"email": "a@b.test", "password": "x", "more": "x" * 65000}
    assert api.post("/auth/login", fits).status in (401, 423)
    answer = api.post("/auth/login", dict(fits, more="x" * 70000))
    assert (answer.status, answer.code) == (413, "PAYLOAD_TOO_LARGE")
    for size in (1 << 20, 13 << 20):
        assert api.post("/auth/login", b"x" * size,
                        Content_Type="application/json").status == 413


@pytest.mark.usefixtures("hand")
@pytest.mark.parametrize("length", ["-1", "+5", "5, 5", "abc", "5 5"])
def test_a_false_length_is_no_request(api, length):
    """Row HT6."""
    response, _ = raw(api, "POST", "/api/v1/auth/login", [
        ("Content-Type", "application/json"), ("Content-Length", length)],
        b"{}   ")
    assert response.status == 400


@pytest.mark.usefixtures("hand")
@pytest.mark.parametrize("path, status", [
    ("/api/v1/auth/me/", 401), ("/api/v1/auth/me?x=1", 401),
    ("/api/v1/auth//me", 404), ("//api/v1/auth/me", 404),
    ("/api/v1/Auth/me", 404), ("/API/v1/auth/me", 404),
    ("/api/v1/auth/me;x", 404), ("/api/v1/auth/me%2f", 400),
    ("/api/v1/auth%2fme", 400), ("/api/v1/%61uth/me", 401),
    ("/api/v1/auth/../auth/me", 400), ("/api/v1/./auth/me", 400),
    ("/api/v1/auth/%2e%2e/auth/me", 400), ("/api/v1/auth/me%00", 400),
    ("/api/v1/auth/me%0a", 400), ("/api/v1/auth\\me", 400),
    ("/api/v1/auth/me%", 400), ("/api/v1/auth/me%zz", 400),
    ("/api/v1/auth/m\u00e9", 400), ("/api/v1/auth/me#x", 400),
    ("/api/v1/index.fcgi/auth/me", 404), ("/auth/me", 404), ("/", 404),
    ("/api", 404), ("/api/v1", 404), ("/api/v1/api/v1/auth/me", 404),
    ("/api/v2/auth/me", 404), ("/api/v1/" + "a" * 3000, 400),
    ("/api/v1/auth/me?a=%zz", 400), ("/api/v1/auth/me?a=1&a=2", 400),
])
def test_a_path_is_one_route_or_none(api, path, status):
    """Row HB6: never an open door by another spelling."""
    host = urllib.parse.urlsplit(api.base_url)
    conn = http.client.HTTPConnection(host.hostname, host.port, timeout=30)
    conn._encode_request = lambda text: text.encode("latin-1")
    conn._validate_path = lambda text: None
    conn.request("GET", path)
    got = conn.getresponse().status
    conn.close()
    # What the web server cannot parse either it may refuse by itself.
    assert got == status or (got in (400, 404) and status in (400, 404))


def test_answers_are_neither_stored_nor_framed(api, person):
    """Row HT3."""
    for answer in (person.api.get("/auth/me"), api.get("/nothing")):
        headers = answer.headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "postern/" not in str(headers).lower()


def test_without_a_token_the_challenge_names_no_error(api, person):
    """Row JW11; RFC 6750, 3."""
    answer = api.get("/auth/me")
    assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "error" not in answer.headers["WWW-Authenticate"]
    for value in ("Basic YTpi", "Bearer", "Bearer ", "bearer x y", "x"):
        assert api.get("/auth/me", Authorization=value).status == 401
    wrong = api.of("x").get("/auth/me")
    assert 'error="invalid_token"' in wrong.headers["WWW-Authenticate"]
    assert api.get("/auth/me", Authorization="bEaReR " + person.access
                   ).status == 200


def test_two_authorizations_are_refused(api, person):
    """Row JW11."""
    bearer = ("Authorization", "Bearer " + person.access)
    response, _ = raw(api, "GET", "/api/v1/auth/me", [bearer, bearer])
    assert response.status == 400


@pytest.mark.usefixtures("hand")
def test_no_client_header_names_the_client(api, stack, person):
    """Rows HB1, RL3."""
    spoofed = {name: "203.0.113.9" for name in (
        "X-Forwarded-For", "X_Forwarded_For", "X-Real-IP", "Client-IP",
        "True-Client-IP", "Forwarded", "Remote-Addr", "X-Remote-Addr")}
    answer = api.send("POST", "/auth/login", {
        "email": person.email, "password": person.password}, spoofed)
    sid = answer.data["session_id"]
    assert stack.sql("select ip_address from sessions where id = %s", sid
                     ) == [("127.0.0.1",)]


def test_no_client_header_configures_anything(api, person):
    """Row HB2."""
    hostile = {name: "x" * 40 for name in (
        "Proxy", "JWT-Secret", "JWT_SECRET", "Database-Url", "Script-Name",
        "Path-Info", "Postern-Config", "Redis-Host", "Request-Method")}
    answer = api.send("GET", "/auth/me", headers=dict(
        hostile, Authorization="Bearer " + person.access))
    assert answer.status == 200 and answer.data["id"] == person.id


@pytest.mark.stack(TRUSTED_PROXIES="127.0.0.0/8,10.0.0.0/8")
@pytest.mark.parametrize("forwarded, client", [
    ("203.0.113.9", "203.0.113.9"),
    ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
    ("203.0.113.9, 10.0.0.7", "203.0.113.9"),
    ("2001:db8::1", "2001:db8::1"), ("::ffff:203.0.113.9", "203.0.113.9"),
    ("unknown", "127.0.0.1"), ("203.0.113.9, junk", "127.0.0.1"),
    ("", "127.0.0.1"),
])
def test_a_trusted_proxy_names_the_client(stack, person, forwarded, client):
    """Rows HB1, RL3: the rightmost address nobody vouches for."""
    answer = person.anonymous.post("/auth/login", {
        "email": person.email, "password": person.password},
        X_Forwarded_For=forwarded)
    assert stack.sql("select ip_address from sessions where id = %s",
                     answer.data["session_id"]) == [(client,)]


def preflight(api, origin, **more):
    return api.send("OPTIONS", "/auth/login", headers=dict({
        "Origin": origin, "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,authorization"},
        **more))


APP = "https://app.example.test"


@pytest.mark.stack(CORS_ORIGINS=APP + ",http://localhost:5173,"
                   "capacitor://localhost,chrome-extension://abcdefgh")
class TestOrigins:
    def test_a_listed_origin_may_ask(self, api):
        """Row HT6."""
        for origin in (APP, "http://localhost:5173",
                       "capacitor://localhost", "chrome-extension://abcdefgh"):
            answer = preflight(api, origin)
            assert answer.status == 204 and answer.body == b""
            headers = answer.headers
            assert headers["Access-Control-Allow-Origin"] == origin
            assert headers["Access-Control-Allow-Credentials"] == "true"
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
                assert method in headers["Access-Control-Allow-Methods"]
            allowed = headers["Access-Control-Allow-Headers"].lower()
            for name in ("authorization", "content-type", "x-api-key",
                         "idempotency-key", "x-http-method-override"):
                assert name in allowed
            assert "Origin" in headers["Vary"]

    def test_and_reads_the_answer_even_of_an_error(self, api):
        for path in ("/info", "/auth/me", "/nothing"):
            headers = api.get(path, Origin=APP).headers
            assert headers["Access-Control-Allow-Origin"] == APP
            assert "X-RateLimit-Remaining" in headers[
                "Access-Control-Expose-Headers"]

    @pytest.mark.parametrize("origin", [
        "https://evil.test", "null", "https://app.example.test.evil.test",
        "http://app.example.test", "https://app.example.test:444", "*", "",
        "https://APP.example.test/", "https://xapp.example.test",
        "capacitor://localhost:1", "tauri://localhost", "capacitor:",
    ])
    def test_any_other_origin_gets_nothing(self, api, origin):
        """Row HT6."""
        for answer in (preflight(api, origin), api.get("/info",
                                                       Origin=origin)):
            names = [n.lower() for n in answer.headers.keys()]
            assert not [n for n in names if n.startswith(
                "access-control-allow")]
            assert "Origin" in answer.headers["Vary"]


@pytest.mark.stack(ALLOWED_ORIGINS="*")
def test_everybody_may_ask_but_without_credentials(api):
    """Row HT6."""
    for answer in (preflight(api, "https://any.test"),
                   api.get("/info", Origin="https://any.test")):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers


def test_without_configuration_no_origin_may_ask(api):
    answer = api.get("/info", Origin=APP)
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.stack(BASE_PATH="/sso")
def test_the_service_works_below_a_prefix(api, stack):
    person = api.of(mount="/sso/api/v1").new_person()
    assert person.api.get("/auth/me").status == 200
    assert api.root("GET", "/sso/health/live").status == 200
    camel = api.of(person.access, "/sso/api").get("/auth/me")
    assert camel.json["isActive"] is True
