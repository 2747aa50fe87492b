"""Stand-ins for managers of secrets, from their public documentation: Zero's
GraphQL API, Vault's KV version 2 and AppRole, AWS Secrets Manager with
Signature Version 4, which is computed here anew."""
import hashlib
import hmac
import http.server
import json
import re
import ssl
import threading
import time

TOKEN = "zero-token-of-the-stand-in"
VAULT_TOKEN = "hvs.token-of-the-stand-in"
ROLE, ROLE_SECRET = "role-of-postern", "5f0c-secret-id-of-the-role"
AWS_ID, AWS_KEY = "AKIASTANDIN", "aws-key-of-the-stand-in"
REGION = "eu-central-1"


class Manager:
    """All three on one port. `values` is what it gives; `broken` says how it
    fails: a status, "slow", "big" or "rubbish"."""

    def __init__(self, values, certificate=None):
        self.values, self.broken, self.fails = values, None, 0
        self.asked, self.revoked, self.heads = [], [], None
        manager = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                manager.answer(self)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        if certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(*certificate)
            self.server.socket = tls.wrap_socket(self.server.socket,
                                                 server_side=True)
            self.url = f"https://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request):
        length = int(request.headers.get("Content-Length") or 0)
        body = request.rfile.read(length)
        self.asked.append(request.path)
        self.heads = request.headers
        status, value = self.failure() or self.value(request, body)
        text = value if isinstance(value, bytes) else \
            json.dumps(value).encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        request.wfile.write(text)

    def failure(self):
        if self.fails:
            self.fails -= 1
            return 503, {}
        if isinstance(self.broken, int):
            return self.broken, {"errors": ["no, and here is " + TOKEN]}
        if self.broken == "slow":
            time.sleep(3)
        return {"big": (200, b" " * (1 << 20)),
                "rubbish": (200, b"<html>")}.get(self.broken)

    def value(self, request, body):
        if request.path == "/v1/graphql":
            return self.zero(json.loads(body))
        if request.path.startswith("/v1/"):
            return self.vault(request, body)
        return self.aws(request, body)

    def zero(self, asked):
        assert "secrets(zeroToken: $token, pick: $pick)" in asked["query"]
        given = asked["variables"]
        if given["token"] != TOKEN:
            return 200, {"errors": [{"message": f"no {given['token']}"}],
                         "data": None}
        fields = [{"name": name, "value": str(value).lower()
                   if isinstance(value, bool) else str(value)}
                  for name, value in self.values.items()]
        both = [{"name": "postern", "fields": fields},
                {"name": "other", "fields": [
                    {"name": "APP_NAME", "value": "of-another"}]}]
        return 200, {"data": {"secrets": [
            one for one in both
            if not given["pick"] or one["name"] in given["pick"]]}}

    def vault(self, request, body):
        if request.path == "/v1/auth/approle/login":
            if json.loads(body) != {"role_id": ROLE,
                                    "secret_id": ROLE_SECRET}:
                return 400, {"errors": ["invalid role or secret ID"]}
            return 200, {"auth": {"client_token": "hvs.by-role"}}
        token = request.headers.get("X-Vault-Token")
        if request.path == "/v1/auth/token/revoke-self":
            self.revoked.append(token)
            return 204, b""
        if token not in (VAULT_TOKEN, "hvs.by-role"):
            return 403, {"errors": ["permission denied"]}
        if request.path != "/v1/secret/data/postern":
            return 404, {"errors": []}
        return 200, {"data": {"data": self.values,
                              "metadata": {"version": 3}}}

    def aws(self, request, body):
        if request.headers["X-Amz-Target"] != "secretsmanager.GetSecretValue":
            return 400, {"__type": "InvalidAction"}
        if signature_of(request, body) != request.headers["Authorization"]:
            return 403, {"__type": "com.amazon#InvalidSignatureException",
                         "message": "the signature of " + AWS_KEY}
        if json.loads(body)["SecretId"] != "postern":
            return 400, {"__type": "ResourceNotFoundException"}
        return 200, {"Name": "postern",
                     "SecretString": json.dumps(self.values)}


def signature_of(request, body):
    names = re.search(r"SignedHeaders=([^,]+)",
                      request.headers["Authorization"])[1]
    heads = "".join(f"{name}:{request.headers[name]}\n"
                    for name in names.split(";"))
    canonical = "\n".join(["POST", "/", "", heads, names,
                           hashlib.sha256(body).hexdigest()])
    when = request.headers["X-Amz-Date"]
    scope = f"{when[:8]}/{REGION}/secretsmanager/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", when, scope,
                      hashlib.sha256(canonical.encode()).hexdigest()])
    key = b"AWS4" + AWS_KEY.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    sign = hmac.new(key, text.encode(), "sha256").hexdigest()
    return (f"AWS4-HMAC-SHA256 Credential={AWS_ID}/{scope}, "
            f"SignedHeaders={names}, Signature={sign}")
