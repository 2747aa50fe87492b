"""A request for each route that is answered with success, and those that must
not be, whatever fails."""
import base64
import secrets

# Of this run: another may have left what it made.
WORD = "x" + secrets.token_hex(4)


class Request:
    """path: instead of the route's. body may be a function, for what holds
    only for seconds. denied: the same request, changed so that it must be
    refused. status: of the answer when nothing fails, unless it is a
    success."""

    def __init__(self, by=None, body=None, path=None, key=None, denied=(),
                 type=None, status=None):
        self.token = getattr(by, "access", by)
        self.body, self.path, self.key = body, path, key
        self.type, self.status = type, status
        self.denied = list(denied)

    def but(self, **change):
        other = Request(self.token, self.body, self.path, self.key,
                        type=self.type, status=self.status)
        for name, value in change.items():
            setattr(other, name, value)
        return other

    def wrong(self, **change):
        """Another body must be refused as well."""
        self.denied.append(self.but(body=lambda: dict(
            self.body() if callable(self.body) else self.body, **change)))
        return self

    def send(self, api, method, path):
        body = self.body() if callable(self.body) else self.body
        if body is None and method != "GET":
            body = {}
        headers = {"X-API-Key": self.key} if self.key else {}
        if self.type:
            headers["Content-Type"] = self.type
        return api.of(self.token).send(method, self.path or path, body,
                                       headers, root=path.startswith("//"))


PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlE"
                         "QVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg==")
FORM = (b"--x\r\nContent-Disposition: form-data; name=\"file\"; "
        b"filename=\"x.png\"\r\n\r\n" + PIXEL + b"\r\n--x--\r\n")


def media(w):
    # The worker, which stores them, is stopped.
    upload = Request(w.ann, FORM, type="multipart/form-data; boundary=x",
                     status=503)
    return {
        "POST /media/profile-picture": upload,
        "DELETE /media/profile-picture": Request(w.ann),
        "POST /media/cover-photo": upload,
        "DELETE /media/cover-photo": Request(w.ann),
    }


def accounts(w):
    fresh = {"email": f"fresh-{WORD}@example.test", "username": WORD,
             "password": "Aa1-fresh-and-long"}
    proof = {"email": w.unproved.email, "otp": w.code}
    return {
        "POST /auth/register": Request(body=fresh),
        "POST /auth/signup": Request(body=fresh),
        "POST /auth/verify-email": Request(w.unproved, proof).wrong(
            otp="%06d" % ((int(w.code) + 1) % 1000000)),
        "POST /auth/resend-otp": Request(body={"email": w.unproved.email}),
        "GET /auth/me": Request(w.ann),
        "PUT /auth/me": Request(w.ann, {"first_name": "Anna"}),
        "PATCH /auth/me": Request(w.ann, {"last_name": "Lee"}),
        "DELETE /auth/me": Request(w.ann, {"password": w.ann.password}
                                   ).wrong(password="Aa1-wrong-one"),
        "GET /auth/me/export": Request(w.ann),
        "POST /auth/change-email": Request(
            w.ann, {"new_email": f"other-{WORD}@example.test"}),
        "POST /auth/change-email/confirm": Request(
            w.mover, {"token": w.confirm}).wrong(token="pem_x"),
        "POST /auth/change-email/undo": Request(
            body={"token": w.undo}).wrong(token="pun_x"),
    }


def sessions(w):
    login = {"identifier": w.ann.email, "password": w.ann.password}
    return {
        "POST /auth/login": Request(body=login).wrong(
            password="Aa1-wrong-one").wrong(identifier=w.idle.email,
                                            password=w.idle.password),
        "POST /auth/refresh": Request(
            body={"refresh_token": w.ann.refresh}).wrong(
                refresh_token=w.ann.refresh[:-4] + "AAAA"),
        "POST /auth/logout": Request(w.ann),
        "POST /auth/introspect": Request(
            body={"token": w.ann.access}, key=w.reader),
        "GET /auth/sessions": Request(w.ann),
        "DELETE /auth/sessions": Request(w.ann),
        "DELETE /auth/sessions/{id}": Request(
            w.ann, path="/auth/sessions/" + w.second.session),
        "POST /auth/change-password": Request(w.ann, {
            "old_password": w.ann.password,
            "new_password": "Aa1-another-one"}).wrong(
                old_password="Aa1-wrong-one"),
        "POST /auth/password-reset/request": Request(
            body={"email": w.ann.email}),
        "POST /auth/password-reset/confirm": Request(body={
            "token": w.reset, "new_password": "Aa1-another-one"}).wrong(
                token="pwr_x"),
    }


def factors(w):
    someone, half = w.enrolled.person, w.half

    def now():
        return {"code": w.totp()}
    by_totp = Request(body=lambda: {"temp_token": w.challenge,
                                    "code": w.totp()})
    enable = Request(half, lambda: {"code": w.totp(w.secret)})
    disable = Request(someone, now)
    for r in (by_totp, enable, disable):
        r.wrong(code="000000")
    device = w.stack.sql("select id from devices where user_id = %s",
                         someone.id)[0][0]
    one = f"/auth/2fa/devices/{device}"
    return {
        "POST /auth/2fa/setup": Request(w.ann),
        "POST /auth/2fa/enable": enable,
        "POST /auth/2fa/verify": by_totp,
        "POST /auth/2fa/verify-backup": Request(body={
            "temp_token": w.challenge, "code": w.enrolled.backup[0]}).wrong(
                code="AAAA-AAAA-AAAA"),
        "POST /auth/2fa/backup-codes": Request(someone),
        "GET /auth/2fa/status": Request(someone),
        "GET /auth/2fa/methods": Request(someone),
        "POST /auth/2fa/disable": disable,
        "POST /auth/2fa/sms/setup": Request(w.ann,
                                            {"phone": "+49301234567"}),
        "POST /auth/2fa/sms/verify-setup": Request(
            w.by_sms, {"code": w.by_sms.code}).wrong(code="000000"),
        "POST /auth/2fa/sms/send": Request(
            body={"temp_token": w.sms_challenge}).wrong(temp_token="x"),
        "POST /auth/2fa/email/setup": Request(w.ann),
        "POST /auth/2fa/email/verify-setup": Request(
            w.by_mail, {"code": w.by_mail.code}).wrong(code="000000"),
        "POST /auth/2fa/email/send": Request(
            body={"temp_token": w.mail_challenge}).wrong(temp_token="x"),
        "GET /auth/2fa/devices": Request(someone),
        "DELETE /auth/2fa/devices": Request(someone),
        "PATCH /auth/2fa/devices/{id}": Request(
            someone, {"name": "Laptop"}, one),
        "DELETE /auth/2fa/devices/{id}": Request(someone, path=one),
    }


def recovery(w):
    return {
        "GET /auth/recovery/methods": Request(w.ann),
        "POST /auth/recovery/methods": Request(
            w.ann, {"type": "email", "value": f"third-{WORD}@example.test"}),
        "POST /auth/recovery/methods/{id}/verify": Request(
            w.ann, {"code": w.method_code},
            f"/auth/recovery/methods/{w.method}/verify").wrong(
                code="%06d" % ((int(w.method_code) + 1) % 1000000)),
        "DELETE /auth/recovery/methods/{id}": Request(
            w.ann, path=f"/auth/recovery/methods/{w.method}"),
        "POST /auth/recovery/start": Request(
            body={"identifier": w.lost.email}),
        "POST /auth/recovery/confirm": Request(body={
            "challenge": w.recovery, "codes": w.recovery_codes,
            "new_password": "Aa1-another-one"}).wrong(codes=["000000"]),
    }


def keys_and_hooks(w):
    key, hook = f"/api-keys/{w.key['id']}", f"/webhooks/{w.hook['id']}"
    return {
        "POST /api-keys": Request(w.ann, {"name": "k2", "scopes": ["x"]}),
        "GET /api-keys": Request(w.ann),
        "GET /api-keys/{id}": Request(w.ann, path=key),
        "DELETE /api-keys/{id}": Request(w.ann, path=key),
        "POST /api-keys/{id}/rotate": Request(w.ann, path=key + "/rotate"),
        "POST /webhooks": Request(w.ann, {
            "url": "https://127.0.0.1:9/2", "events": ["user.login"]}),
        "GET /webhooks": Request(key=w.key["api_key"]),
        "GET /webhooks/{id}": Request(w.ann, path=hook),
        "PUT /webhooks/{id}": Request(w.ann, {"description": "d"}, hook),
        "PATCH /webhooks/{id}": Request(w.ann, {"is_active": False}, hook),
        "DELETE /webhooks/{id}": Request(w.ann, path=hook),
        "POST /webhooks/{id}/test": Request(w.ann, path=hook + "/test"),
        "POST /webhooks/{id}/rotate-secret": Request(
            w.ann, path=hook + "/rotate-secret"),
        "GET /webhooks/{id}/deliveries": Request(
            w.ann, path=hook + "/deliveries"),
        "POST /webhooks/{id}/deliveries/{id}/redeliver": Request(
            w.ann, path=f"{hook}/deliveries/{w.delivery}/redeliver"),
        "GET /service/status": Request(key=w.reader),
    }


def users(w):
    one, boss = f"/admin/users/{w.target.id}", w.boss
    acts = {f"POST /admin/users/{{id}}/{act}": Request(
        boss, path=f"{one}/{act}") for act in (
            "deactivate", "unlock", "require-password-reset")}
    return {
        **acts,
        "GET /admin/users": Request(boss),
        "POST /admin/users": Request(boss, {
            "email": f"made-{WORD}@example.test", "username": WORD,
            "password": "Aa1-made-and-long"}),
        "GET /admin/users/{id}": Request(boss, path=one),
        "PUT /admin/users/{id}": Request(boss, {"first_name": "T"}, one),
        "PATCH /admin/users/{id}": Request(
            boss, {"email": f"changed-{WORD}@example.test",
                   "is_active": False}, one),
        "DELETE /admin/users/{id}": Request(boss, path=one),
        "POST /admin/users/{id}/activate": Request(
            boss, path=f"/admin/users/{w.idle.id}/activate"),
        "POST /admin/users/{id}/reset-2fa": Request(
            boss, path=f"/admin/users/{w.enrolled.person.id}/reset-2fa"),
        "GET /admin/users/{id}/sessions": Request(
            boss, path=one + "/sessions"),
        "DELETE /admin/users/{id}/sessions": Request(
            boss, path=one + "/sessions"),
        "POST /admin/cleanup-sessions": Request(boss),
        "POST /admin/users/{id}/roles": Request(
            boss, {"role": w.role["name"]}, one + "/roles"),
        "DELETE /admin/users/{id}/roles": Request(
            boss, {"role": w.held["name"]}, one + "/roles"),
        "DELETE /admin/users/{id}/roles/{role}": Request(
            boss, path=f"{one}/roles/{w.held['name']}"),
    }


def roles(w):
    one, boss = f"/roles/{w.role['id']}", w.boss
    return {
        "GET /roles": Request(boss),
        "POST /roles": Request(boss, {"name": WORD,
                                      "permissions": ["users.read"]}),
        "GET /roles/{id}": Request(boss, path=one),
        "PUT /roles/{id}": Request(boss, {"description": "d"}, one),
        "PATCH /roles/{id}": Request(boss, {"description": "e"}, one),
        "DELETE /roles/{id}": Request(boss, path=one),
        "PUT /roles/{id}/permissions": Request(
            boss, {"permissions": ["users.write"]}, one + "/permissions"),
        "GET /permissions": Request(boss),
        "POST /permissions": Request(boss, {
            "name": WORD + ".read", "resource": WORD, "action": "read"}),
        "POST /auth/check-permission": Request(
            w.boss, {"resource": "users", "action": "read"}),
        "GET /admin/audit-logs": Request(boss),
        "GET /auth/audit-logs": Request(w.ann),
        "GET /admin/stats": Request(boss),
    }


def system(_):
    return {f"GET {path}": Request() for path in (
        "/health", "/health/live", "/health/ready", "/metrics", "/info",
        "/.well-known/jwks.json")}


def all_requests(w, routes):
    """"METHOD path" -> Request, with what the row of the route denies."""
    made = {}
    for part in (accounts, sessions, factors, recovery, media, keys_and_hooks,
                 users, roles, system):
        made.update(part(w))
    for row in routes:
        request = made.get(f"{row['method']} {row['path']}")
        if request:
            deny(w, row, request)
    return made


def deny(w, row, request):
    """The same by who may not."""
    refused = []
    if request.token:
        refused.append(request.but(token=w.ended))
        if row["who"] == "permission":
            refused.append(request.but(token=w.ann.access))
        if row["proof"] == "recent" and request.token == w.ann.access:
            refused.append(request.but(token=w.stale.access))
        if row["proof"] == "recent" and request.token == w.boss.access:
            refused.append(request.but(token=w.stale_boss.access))
    if request.key:
        refused.append(request.but(key=request.key[:-4] + "AAAA"))
    request.denied += refused
