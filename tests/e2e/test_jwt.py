"""Access tokens: what a forger tries (RFC 8725), EdDSA, keys that change."""
import base64
import hashlib
import hmac
import json
import subprocess
import time

import pytest

from conftest import JWT_SECRET


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def parts(token):
    head, payload, _ = token.split(".")
    return json.loads(unb64(head)), json.loads(unb64(payload))


def text_of(value):
    if isinstance(value, bytes):
        return value
    return value.encode() if isinstance(value, str) else json.dumps(
        value, separators=(",", ":")).encode()


def sign(head, payload, secret=JWT_SECRET, digest=hashlib.sha256):
    signed = b64(text_of(head)) + "." + b64(text_of(payload))
    mac = hmac.new(secret.encode() if isinstance(secret, str) else secret,
                   signed.encode(), digest).digest()
    return signed + "." + b64(mac)


@pytest.fixture
def own(person):
    """Header and payload of a good token, to be spoiled."""
    return parts(person.access)


def refused(api, token):
    answer = api.of(token).get("/auth/me")
    assert (answer.status, answer.code) == (401, "TOKEN_INVALID"), token
    assert "invalid_token" in answer.headers["WWW-Authenticate"]


def test_the_secret_itself_signs(api, person, own):
    """Row JW4: other services holding it can verify, and be verified."""
    head, payload = own
    assert head["alg"] == "HS256" and head["typ"] == "at+jwt"
    assert sign(head, payload) == person.access
    assert api.check(sign(head, payload)) == 200
    del head["kid"]
    assert api.check(sign(head, payload)) == 200


def test_a_token_says_what_it_must_and_nothing_personal(stack, person, own):
    """Rows JW3, JW10."""
    head, payload = own
    assert set(payload) == {"iss", "aud", "sub", "sid", "jti", "iat", "exp"}
    assert payload["iss"] == stack["BASE_URL"]
    assert payload["aud"] == "postern"
    assert payload["sub"] == person.id and payload["sid"] == person.session
    assert payload["exp"] - payload["iat"] == 900


@pytest.mark.parametrize("alg", [
    "none", "None", "NONE", "nOnE", "", "HS384", "HS512", "RS256", "ES256",
    "EdDSA", "hs256", "HS256 ", None, 1, ["HS256"],
])
def test_no_algorithm_but_the_keys_own(api, own, alg):
    """Row JW1."""
    head, payload = own
    for change in ({"alg": alg}, {"alg": alg, "kid": None}):
        bad = {k: v for k, v in dict(head, **change).items()
               if v is not None}
        refused(api, sign(bad, payload))
        refused(api, sign(bad, payload).rpartition(".")[0] + ".")
        refused(api, sign(bad, payload).rpartition(".")[0])
    refused(api, sign(dict(head, alg="HS512"), payload,
                      digest=hashlib.sha512))


@pytest.mark.parametrize("change", [
    {"typ": "JWT"}, {"typ": None}, {"typ": "rt+jwt"}, {"kid": "unknown"},
    {"kid": ""}, {"kid": "../../../dev/null"}, {"kid": "' or 1=1 --"},
    {"kid": 7}, {"kid": "x" * 3000}, {"crit": ["exp"]}, {"crit": []},
    {"crit": ["b64"], "b64": False}, {"zip": "DEF"},
])
def test_a_foreign_header_is_refused(api, own, change):
    """Rows JW1, JW2, JW3."""
    head, payload = own
    head = {k: v for k, v in dict(head, **change).items() if v is not None}
    refused(api, sign(head, payload))


def test_keys_inside_the_token_are_not_looked_at(api, own):
    """Row JW2."""
    head, payload = own
    mine = "an attacker's own secret of enough bytes"
    jwk = {"kty": "oct", "k": b64(mine.encode()), "kid": "mine"}
    for change in ({"jwk": jwk}, {"jku": "http://127.0.0.1:1/jwks"},
                   {"x5u": "http://127.0.0.1:1/x"}, {"x5c": ["x"]}):
        refused(api, sign(dict(head, **change), payload, mine))
        refused(api, sign(dict(head, kid="mine", **change), payload, mine))


NOW = int(time.time())


@pytest.mark.parametrize("change", [
    {"exp": NOW - 1}, {"exp": None}, {"exp": "9999999999"},
    {"exp": NOW + 10 ** 6}, {"exp": 9e18}, {"exp": -1}, {"exp": 1e400},
    {"exp": NOW + 60.5}, {"exp": True}, {"iat": None},
    {"iat": NOW + 3600, "exp": NOW + 3700}, {"nbf": NOW + 3600},
    {"iss": "http://evil.test"}, {"iss": None}, {"iss": ["x"]},
    {"aud": "other"}, {"aud": None}, {"aud": ["other"]}, {"sub": None},
    {"sub": ""}, {"sub": "1"}, {"sub": 1}, {"sid": None}, {"sid": "x"},
    {"jti": None}, {"sub": "00000000-0000-7000-8000-000000000000"},
    {"sid": "00000000-0000-7000-8000-000000000000"},
])
def test_a_claim_that_is_wrong_or_missing_is_refused(api, own, change):
    """Rows JW3, JW6, JW7."""
    head, payload = own
    payload = {k: v for k, v in dict(payload, **change).items()
               if v is not None}
    refused(api, sign(head, payload))


def test_a_session_of_somebody_else_is_refused(api, own):
    head, payload = own
    stranger = api.new_person()
    refused(api, sign(head, dict(payload, sub=stranger.id)))
    refused(api, sign(head, dict(payload, sid=stranger.session)))


def test_the_parts_are_strict(api, person, own):
    """Row JW6."""
    head, payload = own
    token = person.access
    good = json.dumps(payload).encode()
    twice = good[:-1] + b',"sub":"' + payload["sub"].encode() + b'"}'
    for bad in (token + "=", token + ".", "." + token, token + " x",
                token.replace(".", ".."), token[:-1], token + "A",
                token[:-1] + ("A" if token[-1] != "A" else "B"),
                token.replace(".", ".%20", 1), ".".join(["", "", ""]),
                "x" * 7000, sign(head, twice), sign(head, good + b" x"),
                sign(head, good[:-1]), sign(head, b"[]"),
                sign(head, b"\xff"), sign(head, b'{"a":' * 20 + b"1" +
                                          b"}" * 20),
                sign(json.dumps(head)[:-1] + ',"alg":"none"}', payload),
                sign(head, payload, "another secret of more than 32 bytes"),
                sign(head, payload, b"")):
        assert api.check(bad) == 401, bad
    flipped = bytearray(unb64(token.split(".")[1]))
    flipped[10] ^= 1
    a, _, c = token.split(".")
    assert api.check(f"{a}.{b64(bytes(flipped))}.{c}") == 401


def test_a_signature_has_one_spelling(api, person):
    """Row JW6: the bits base64 leaves over."""
    a, b, c = person.access.split(".")
    alphabet = ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                "0123456789-_")
    last = alphabet.index(c[-1])
    others = [alphabet[last & ~3 | i] for i in range(4)
              if alphabet[last & ~3 | i] != c[-1]]
    for other in others:
        assert api.check(f"{a}.{b}.{c[:-1]}{other}") == 401


OLD = "c2VjcmV0-of-last-year-8fQ1vZ6mR3xT9wB4nK7y"


@pytest.mark.stack(JWT_PREVIOUS_SECRETS=OLD)
def test_a_previous_secret_verifies_and_does_not_sign(api, own):
    """Row JW5."""
    head, payload = own
    label = hmac.new(OLD.encode(), b"postern kid\0", hashlib.sha256)
    old = dict(head, kid="hs-" + label.hexdigest()[:16])
    assert api.check(sign(old, payload, OLD)) == 200
    refused(api, sign(head, payload, OLD))
    refused(api, sign(old, payload))
    assert head["kid"] != old["kid"]


def test_a_retired_secret_verifies_no_more(api, own):
    """Row JW5."""
    head, payload = own
    label = hmac.new(OLD.encode(), b"postern kid\0", hashlib.sha256)
    refused(api, sign(dict(head, kid="hs-" + label.hexdigest()[:16]),
                      payload, OLD))


def verify_by_openssl(tmp_path, jwk, token):
    """The public half as anybody else would use it."""
    spki = bytes.fromhex("302a300506032b6570032100") + unb64(jwk["x"])
    head, payload, signature = token.split(".")
    (tmp_path / "key").write_bytes(spki)
    (tmp_path / "text").write_text(head + "." + payload)
    (tmp_path / "sig").write_bytes(unb64(signature))
    return subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER",
         "-inkey", tmp_path / "key", "-rawin", "-in", tmp_path / "text",
         "-sigfile", tmp_path / "sig"], capture_output=True).returncode == 0


@pytest.mark.stack(JWT_ALGORITHM="EdDSA")
class TestEdDSA:
    def test_the_published_key_verifies(self, api, person, tmp_path):
        """Row JW5."""
        head, _ = parts(person.access)
        assert head["alg"] == "EdDSA" and head["typ"] == "at+jwt"
        answer = api.root("GET", "/.well-known/jwks.json")
        assert answer.status == 200
        jwk, = [k for k in answer.json["keys"] if k["kid"] == head["kid"]]
        assert jwk["kty"] == "OKP" and jwk["crv"] == "Ed25519"
        assert jwk["alg"] == "EdDSA" and jwk["use"] == "sig"
        assert not {"d", "k", "p", "q"} & set(jwk)
        assert verify_by_openssl(tmp_path, jwk, person.access)
        assert api.check(person.access) == 200
        assert api.get("/.well-known/jwks.json").body == answer.body

    def test_the_public_key_is_no_hmac_secret(self, api, person):
        """Row JW1: the oldest trick."""
        head, payload = parts(person.access)
        jwk = next(k for k in api.root("GET", "/.well-known/jwks.json"
                                       ).json["keys"]
                   if k["kid"] == head["kid"])
        raw = unb64(jwk["x"])
        spki = bytes.fromhex("302a300506032b6570032100") + raw
        pem = (b"-----BEGIN PUBLIC KEY-----\n" + base64.b64encode(spki) +
               b"\n-----END PUBLIC KEY-----\n")
        for secret in (raw, spki, pem, jwk["x"].encode(), JWT_SECRET):
            refused(api, sign(dict(head, alg="HS256"), payload, secret))
            refused(api, sign(dict(head), payload, secret))

    def test_a_signature_of_another_text_is_refused(self, api, person):
        head, payload = parts(person.access)
        signature = person.access.split(".")[2]
        payload["sub"] = api.new_person().id
        refused(api, b64(text_of(head)) + "." + b64(text_of(payload)) + "." +
                signature)
        raw = bytearray(unb64(signature))
        raw[-1] |= 0xe0  # S beyond the group's order (row JW8)
        a, b, _ = person.access.split(".")
        refused(api, f"{a}.{b}.{b64(bytes(raw))}")

    def test_a_new_key_signs_and_the_old_one_still_verifies(self, api, stack,
                                                            person):
        """Row JW5."""
        before = parts(person.access)[0]["kid"]
        stack.ctl("key", "generate")
        stack.up(dict(stack.settings, LOG_LEVEL="warn"))
        after = parts(person.login().access)[0]["kid"]
        assert after != before
        assert api.check(person.access) == 200
        kids = {k["kid"] for k in api.root(
            "GET", "/.well-known/jwks.json").json["keys"]}
        assert {before, after} <= kids
