"""Pictures of profiles (rows MU1 to MU9): what is uploaded is decoded, made
anew and stored, in a directory or in S3, and nothing else of it stays."""
import atexit
import functools
import hashlib
import hmac
import http.client
import http.server
import io
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
import urllib.parse
import zlib

import pytest
from PIL import Image

from until import until

SCRIPT = b"<script>alert(1)</script>"


def form(data, name="file", filename="../../etc/x.php", kind="text/html",
         more=b""):
    """A multipart body, and its type; the file's own words are lies."""
    edge = "----postern" + os.urandom(8).hex()
    head = (f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; '
            f'filename="{filename}"\r\nContent-Type: {kind}\r\n\r\n')
    return (more.replace(b"EDGE", edge.encode()) + head.encode() + data +
            f"\r\n--{edge}--\r\n".encode(),
            "multipart/form-data; boundary=" + edge)


def upload(person, data, path="/media/profile-picture", **words):
    body, kind = form(data, **words)
    return person.api.send("POST", path, body, {"Content-Type": kind})


def saved(image, kind, **words):
    out = io.BytesIO()
    image.save(out, kind, **words)
    return out.getvalue()


@functools.cache
def gradient(width=900, height=600):
    """Red from left to right, green from top to bottom."""
    red = Image.linear_gradient("L").rotate(90).resize((width, height))
    green = Image.linear_gradient("L").resize((width, height))
    return Image.merge("RGB", (red, green, Image.new("L", red.size, 90)))


def fetch(url):
    """What a browser gets there: status, headers, bytes."""
    where = urllib.parse.urlsplit(url)
    conn = http.client.HTTPConnection(where.hostname, where.port, timeout=30)
    conn.request("GET", where.path)
    answer = conn.getresponse()
    body = answer.read()
    conn.close()
    return answer.status, answer.headers, body


def shown(person):
    me = person.api.get("/auth/me").data
    return me["profile_picture_url"], me["cover_photo_url"]


def files(stack):
    return {os.path.join(where, name)
            for where, _, names in os.walk(stack["STATE_DIR"] + "/media")
            for name in names}


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(
        ">I", zlib.crc32(kind + data))


def png(width, height, packed):
    return (b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(
        ">IIBBBBB", width, height, 8, 6, 0, 0, 0)) +
        png_chunk(b"IDAT", packed) + png_chunk(b"IEND", b""))


# --- what comes out


@pytest.mark.parametrize("kind, suffix", [
    ("JPEG", "jpg"), ("PNG", "png"), ("GIF", "png"), ("WEBP", "webp")])
def test_a_picture_is_made_anew_square_and_shown(stack, person, kind, suffix):
    """Rows MU2, MU5 and MU6."""
    answer = upload(person, saved(gradient(), kind) + SCRIPT)
    assert answer.status == 200, answer
    assert answer.json["message"] == "Profile picture uploaded successfully"
    url = answer.data["url"]
    assert re.fullmatch(re.escape(stack["BASE_URL"]) + "/media/"
                        f"profile-pictures/{person.id}/[0-9a-f]{{32}}\\."
                        + suffix, url)
    assert shown(person) == (url, None)
    status, headers, body = fetch(url)
    assert status == 200 and SCRIPT not in body
    assert headers["Content-Type"] == answer.data["content_type"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Disposition"] == "attachment"
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    image = Image.open(io.BytesIO(body)).convert("RGB")
    assert image.size == (512, 512)
    left, right = image.getpixel((5, 256)), image.getpixel((506, 256))
    assert abs(left[0] - 42) < 14 or abs(left[0] - 213) < 14, left
    assert abs(left[0] - right[0]) > 140
    row = stack.sql("select action, reason, resource from audit_logs where "
                    "user_id = %s and action = 'media.upload'", person.id)
    assert row == [("media.upload", "profile_picture",
                    "media/" + url.split("/media/")[1])]


def test_a_cover_keeps_its_shape_within_bounds(stack, person):
    answer = upload(person, saved(gradient(3000, 1000), "JPEG"),
                    "/media/cover-photo")
    assert (answer.status, answer.data["width"], answer.data["height"]) == (
        200, 2048, 683)
    assert answer.json["message"] == "Cover photo uploaded successfully"
    assert "/media/cover-photos/" in answer.data["url"]
    assert shown(person) == (None, answer.data["url"])
    small = upload(person, saved(gradient(120, 80), "WEBP"),
                   "/media/cover-photo").data
    assert (small["width"], small["height"]) == (120, 80)


def test_no_metadata_comes_out_and_a_picture_is_upright(person):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    exif[0x010e] = "SECRET-PLACE"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    for kind, words in (("JPEG", {"comment": b"SECRET-NOTE"}), ("PNG", {}),
                        ("WEBP", {})):
        data = saved(gradient(), kind, exif=exif.tobytes(),
                     icc_profile=b"SECRET-ICC" * 40, **words)
        assert b"SECRET" in data
        answer = upload(person, data, "/media/cover-photo")
        assert (answer.status, answer.data["width"]) == (200, 600), answer
        body = fetch(answer.data["url"])[2]
        assert b"SECRET" not in body and b"Exif" not in body
        image = Image.open(io.BytesIO(body))
        assert image.size == (600, 900) and not image.getexif()
        # What was left is on top; red grew from one side to the other.
        want = gradient().transpose(Image.Transpose.ROTATE_270)
        for at in ((20, 20), (580, 20), (20, 880), (580, 880)):
            got = image.convert("RGB").getpixel(at)
            assert all(abs(a - b) < 16 for a, b in zip(
                got, want.getpixel(at))), (kind, at, got)


def test_of_an_animation_the_first_frame_stays(person):
    frames = [Image.new("RGB", (90, 90), c) for c in ("red", "blue")]
    for kind in ("GIF", "WEBP"):
        url = upload(person, saved(frames[0], kind, save_all=True,
                                   append_images=frames[1:])).data["url"]
        image = Image.open(io.BytesIO(fetch(url)[2]))
        assert getattr(image, "n_frames", 1) == 1
        red, _, blue = image.convert("RGB").getpixel((45, 45))
        assert red > 200 > 60 > blue


def test_transparency_stays(person):
    image = Image.new("RGBA", (64, 64), (10, 200, 30, 128))
    for kind in ("PNG", "WEBP"):
        url = upload(person, saved(image, kind)).data["url"]
        got = Image.open(io.BytesIO(fetch(url)[2]))
        assert got.mode == "RGBA"
        assert abs(got.getpixel((30, 30))[3] - 128) < 3


# --- what is refused


SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
STRANGERS = {
    "svg": SVG, "svg, as xml": b"<?xml version='1.0'?>" + SVG,
    "html": b"<!doctype html>" + SCRIPT, "pdf": b"%PDF-1.4 " + SCRIPT,
    "zip": b"PK\3\4" + bytes(40), "bmp": b"BM" + bytes(60),
    "tiff": b"II*\0" + bytes(60), "php": b"<?php system('id');",
    "wav": b"RIFF\x24\0\0\0WAVEfmt " + bytes(30),
}


@pytest.mark.parametrize("name", STRANGERS)
def test_other_types_are_refused_whatever_they_call_themselves(person, name):
    answer = upload(person, STRANGERS[name], filename="me.png",
                    kind="image/png")
    assert (answer.status, answer.code) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert "JPEG, PNG" in answer.json["message"]
    assert shown(person) == (None, None)


def hostile():
    good = {kind: saved(gradient(), kind) for kind in ("JPEG", "PNG", "GIF",
                                                       "WEBP")}
    zeros = zlib.compress(bytes(30000 * 60 * 4), 1)
    yield "png 30000 x 30000", png(30000, 30000, zeros)
    yield "png 40 million", png(8000, 8000, zeros)
    yield "png without its rows", png(5000, 5000, zlib.compress(b"\0"))
    yield "gif 65535 x 65535", b"GIF89a" + b"\xff" * 4 + good["GIF"][10:]
    yield "webp 16383", (good["WEBP"][:26] + b"\xff\x3f\xff\x3f" +
                         good["WEBP"][30:])
    at = good["JPEG"].index(b"\xff\xc0") + 5
    yield "jpeg 65535", (good["JPEG"][:at] + b"\xff" * 4 +
                         good["JPEG"][at + 4:])
    for kind in ("PNG", "GIF", "WEBP"):
        yield kind + " cut off", good[kind][:len(good[kind]) // 3]
    yield "jpeg cut off in its head", good["JPEG"][:200]
    yield "only a magic number", b"\x89PNG\r\n\x1a\n"
    yield "gif of nothing", b"GIF89a" + SCRIPT
    yield "webp that says it is longer", b"RIFF\xff\xff\xff\xffWEBPVP8 " + \
        b"\xff" * 4 + SCRIPT


def memory(stack):
    """The most that any process below the worker had so far, in MB."""
    ours = {stack.pid("worker")}
    most = 0
    for _ in range(4):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat") as file:
                    if int(file.read().rsplit(")", 1)[1].split()[1]) in ours:
                        ours.add(int(pid))
            except OSError:
                continue
    for pid in ours:
        try:
            with open(f"/proc/{pid}/status") as file:
                for line in file:
                    if line.startswith("VmHWM"):
                        most = max(most, int(line.split()[1]) // 1024)
        except OSError:
            continue
    return most


def test_bombs_and_broken_files_are_refused_and_disturb_nobody(
        stack, api, person):
    """With how much memory the decoders had, and health all the while."""
    seen, answers, done = [], [], threading.Event()

    def watch():
        while not done.is_set():
            seen.append(memory(stack))
            answers.append(api.root("GET", "/health/live").status)

    watcher = threading.Thread(target=watch)
    watcher.start()
    before = files(stack)
    try:
        for name, data in hostile():
            answer = upload(person, data)
            assert answer.status == 422, (name, answer)
            assert answer.fields == ["file"], name
        # A large one that is honest: 30 million pixels.
        big = Image.new("RGB", (7500, 4000), (200, 10, 10))
        for kind in ("JPEG", "WEBP"):
            words = {"progressive": True} if kind == "JPEG" else {
                "quality": 10, "method": 0}
            answer = upload(person, saved(big, kind, **words))
            assert answer.status == 200, answer
    finally:
        done.set()
        watcher.join()
    assert set(answers) == {200}
    assert max(seen) < 200, max(seen)
    assert not any(SCRIPT in open(f, "rb").read()
                   for f in files(stack) - before)


@pytest.mark.parametrize("beside", [b"", b"GIFAR"])
def test_polyglots_come_out_clean(person, beside):
    """Row MU7: a comment of JPEG with HTML, a GIF that is a script, a PNG
    with an archive behind it."""
    jpeg = saved(gradient(80, 80), "JPEG", comment=SCRIPT)
    gif = saved(gradient(80, 80), "GIF", comment=b"*/=1;alert(1)//")
    archive = saved(gradient(80, 80), "PNG") + b"PK\3\4" + SCRIPT
    for data, bad in ((jpeg, SCRIPT), (gif, b"alert(1)"), (archive, SCRIPT)):
        assert bad in data
        url = upload(person, data + beside).data["url"]
        body = fetch(url)[2]
        assert bad not in body and b"PK\3\4" not in body
        assert beside == b"" or beside not in body


def test_limits_hold_for_the_bytes_that_come(person):
    """Row MU1: 5 MB and 10 MB of a file, whatever its length is said to be."""
    head = saved(gradient(40, 40), "PNG")
    fits = upload(person, head + bytes((5 << 20) - len(head)))
    assert fits.status == 200, fits
    over = upload(person, head + bytes((5 << 20) + 1 - len(head)))
    assert (over.status, over.code) == (413, "PAYLOAD_TOO_LARGE")
    cover = upload(person, head + bytes((10 << 20) - len(head)),
                   "/media/cover-photo")
    assert cover.status == 200, cover
    assert upload(person, bytes(11 << 20), "/media/cover-photo").status == 413
    # Other routes read no more than before.
    assert person.api.send("POST", "/auth/logout", b"x" * (65 << 10), {
        "Content-Type": "application/json"}).status == 413


def test_wrong_forms_are_told_what_is_wrong(person):
    good = saved(gradient(40, 40), "PNG")
    wrong = upload(person, good, name="avatar")
    assert (wrong.status, wrong.fields) == (422, ["file"])
    empty = upload(person, b"")
    assert (empty.status, empty.fields) == (422, ["file"])
    as_json = person.api.post("/media/profile-picture", {"file": "x"})
    assert as_json.status == 415 and "multipart" in as_json.json["message"]
    raw = person.api.send("POST", "/media/profile-picture", good,
                          {"Content-Type": "image/png"})
    assert raw.status == 415
    cut = person.api.send("POST", "/media/profile-picture", form(good)[0][:99],
                          {"Content-Type": form(good)[1]})
    assert cut.status == 400
    field = (b'--EDGE\r\nContent-Disposition: form-data; name="f%d"\r\n\r\n'
             b"x\r\n")
    many = upload(person, good, more=b"".join(field % i for i in range(4)))
    assert many.status == 413
    few = upload(person, good, more=b"".join(field % i for i in range(3)))
    assert few.status == 200
    assert person.api.of().send("POST", "/media/profile-picture", *[
        form(good)[0]]).status in (401, 415)
    assert person.api.get("/media/profile-picture").status == 405


# --- what stays


def test_the_old_picture_goes_and_so_does_a_deleted_one(stack, person):
    """Row MU8, and of an erased account too (row PV2)."""
    first = upload(person, saved(gradient(50, 50), "PNG")).data["url"]
    second = upload(person, saved(gradient(60, 60), "PNG")).data["url"]
    cover = upload(person, saved(gradient(60, 60), "PNG"),
                   "/media/cover-photo").data["url"]
    assert shown(person) == (second, cover)
    until(lambda: fetch(first)[0] == 404, "the first one's end")
    assert fetch(second)[0] == fetch(cover)[0] == 200
    gone = person.api.delete("/media/profile-picture")
    assert (gone.status, gone.data["removed"]) == (200, True)
    assert shown(person) == (None, cover)
    again = person.api.delete("/media/profile-picture")
    assert (again.status, again.data["removed"]) == (200, False)
    until(lambda: fetch(second)[0] == 404, "the second one's end")
    person.api.delete("/media/cover-photo")
    assert shown(person) == (None, None)
    third = upload(person, saved(gradient(60, 60), "PNG")).data["url"]
    stack.forget(person.email)
    until(lambda: fetch(third)[0] == 404, "the end of an erased one's")
    until(lambda: stack.sql("select count(*) from media_objects where key like "
          "%s and state <> 'gone'", f"%{person.id}%") == [(0,)], "all rows' end")


def test_one_user_has_a_quota(stack, person):
    """Row MU8."""
    good = saved(gradient(8, 8), "PNG")
    stack.sql("insert into media_objects (key, user_id, kind, state) select "
              "'x/' || gen_random_uuid() || '.png', %s, 'cover_photo', 'gone' "
              "from generate_series(1, 29)", person.id)
    assert upload(person, good).status == 200
    full = upload(person, good)
    assert (full.status, full.code) == (429, "RATE_LIMITED")
    assert int(full.headers["Retry-After"]) > 0


def test_two_at_once_leave_one(stack, person):
    good = saved(gradient(8, 8), "PNG")
    got = []
    threads = [threading.Thread(target=lambda: got.append(
        upload(person, good))) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    urls = [g.data["url"] for g in got if g.status == 200]
    assert urls and all(g.status in (200, 503) for g in got), got
    assert shown(person)[0] in urls
    assert stack.sql("select count(*) from media_objects where user_id = %s "
                     "and state = 'live'", person.id) == [(1,)]
    until(lambda: sum(fetch(u)[0] == 200 for u in urls) == 1, "one is left")


def test_without_the_process_that_stores_nothing_changes(stack, api, person):
    good = saved(gradient(30, 30), "PNG")
    url = upload(person, good).data["url"]
    stack.dev("stop-service", "worker")
    try:
        answer = upload(person, good)
        assert (answer.status, answer.code) == (503, "SERVICE_UNAVAILABLE")
        assert shown(person)[0] == url
    finally:
        stack.dev("start-service", "worker")
    until(lambda: upload(person, good).status == 200, "it is back")
    until(lambda: stack.sql("select count(*) from media_objects where user_id "
          "= %s and state in ('pending', 'doomed')", person.id) == [(0,)],
          "nothing is left")


def test_a_decoder_can_tell_nothing(stack):
    """Row MU4: what decodes holds no setting, and no way to anybody."""
    def nursery():
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat") as file:
                    text = file.read()
            except OSError:
                continue
            if "(postern-image)" in text and int(text.rsplit(")", 1)[
                    1].split()[1]) == stack.pid("worker"):
                return int(pid)
        return None
    pid = until(nursery, "the nursery")
    with open(f"/proc/{pid}/environ", "rb") as file:
        assert file.read().strip(b"\0") == b""
    secret = stack.settings["JWT_SECRET"].encode()
    with open(f"/proc/{pid}/maps") as maps, \
            open(f"/proc/{pid}/mem", "rb") as mem:
        for line in maps:
            area, rights = line.split()[:2]
            if "w" not in rights:
                continue
            start, end = (int(x, 16) for x in area.split("-"))
            mem.seek(start)
            assert secret not in mem.read(end - start)
    fds = [os.readlink(f"/proc/{pid}/fd/{n}")
           for n in os.listdir(f"/proc/{pid}/fd")]
    assert sum(f.startswith("socket:") for f in fds) == 1


CURL_000 = """
curl -X POST http://localhost:8001/api/v1/media/profile-picture \\
  -H "Authorization: Bearer YOUR_TOKEN" \\
  -F "file=@/path/to/picture.jpg"
curl -X POST http://localhost:8001/api/v1/media/cover-photo \\
  -H "Authorization: Bearer YOUR_TOKEN" \\
  -F "file=@/path/to/cover.jpg"
"""


def test_the_documented_commands_work_as_they_stand(stack, person, tmp_path):
    for name in ("picture", "cover"):
        gradient().save(tmp_path / (name + ".jpg"))
    text = CURL_000.replace("YOUR_TOKEN", person.access).replace(
        "http://localhost:8001", stack["BASE_URL"]).replace(
        "/path/to", str(tmp_path)).replace("curl -X", "curl -s -X")
    out = subprocess.run(["bash", "-euo", "pipefail"], input=text, check=True,
                         capture_output=True, text=True).stdout
    decoder, at, answers = json.JSONDecoder(), 0, []
    while at < len(out):
        value, at = decoder.raw_decode(out, at)
        answers.append(value)
    assert [a["success"] for a in answers] == [True, True]
    assert [a["message"] for a in answers] == [
        "Profile picture uploaded successfully",
        "Cover photo uploaded successfully"]
    assert shown(person) == tuple(a["data"]["url"] for a in answers)


# --- S3


class Store:
    """A real S3 server (s3rver) behind a check of signatures of our own, which
    s3rver does not do; it can be away, or refuse."""

    ID, SECRET, BUCKET = "AKIDPOSTERNTEST", "a-secret-of-the-store", "photos"

    def __init__(self):
        self.asked, self.mode = [], "up"
        self.place = tempfile.mkdtemp(prefix="s3-")
        atexit.register(shutil.rmtree, self.place, True)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.process = None
        self.front = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Front, self))
        self.front.daemon_threads = True
        threading.Thread(target=self.front.serve_forever,
                         daemon=True).start()
        self.url = f"http://127.0.0.1:{self.front.server_address[1]}"

    def start(self):
        """s3rver, when the first test wants it."""
        if self.process:
            return
        module = os.environ.get("NODE_PATH", "") + "/s3rver"
        program = (f"new (require({json.dumps(module)}))({{address: "
                   f"'127.0.0.1', port: {self.port}, silent: true, directory: "
                   f"{json.dumps(self.place)}, configureBuckets: [{{name: "
                   f"'{self.BUCKET}'}}]}}).run().then(() => "
                   "console.log('ready'))")
        self.process = subprocess.Popen(["node", "-e", program],
                                        stdout=subprocess.PIPE, text=True)
        atexit.register(self.process.kill)
        assert self.process.stdout.readline() == "ready\n"

    def signed(self, request, body):
        """The signature, worked out anew (AWS: Signature Version 4)."""
        found = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/"
            r"aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]+)",
            request.headers["Authorization"])
        who, day, region, names, signature = found.groups()
        payload = request.headers["x-amz-content-sha256"]
        if payload != "UNSIGNED-PAYLOAD":
            assert payload == hashlib.sha256(body).hexdigest()
        lines = "".join(f"{n}:{request.headers[n].strip()}\n"
                        for n in names.split(";"))
        canonical = "\n".join([request.command, request.path, "", lines,
                               names, payload])
        date = request.headers["x-amz-date"]
        text = "\n".join(["AWS4-HMAC-SHA256", date,
                          f"{day}/{region}/s3/aws4_request", hashlib.sha256(
                              canonical.encode()).hexdigest()])
        key = ("AWS4" + self.SECRET).encode()
        for word in (day, region, "s3", "aws4_request", text):
            key = hmac.new(key, word.encode(), hashlib.sha256).digest()
        assert {"host", "x-amz-content-sha256", "x-amz-date"} <= set(
            names.split(";"))
        return who == self.ID and date.startswith(day) and key.hex() == \
            signature


class Front(http.server.BaseHTTPRequestHandler):
    def __init__(self, store, *args):
        self.store = store
        super().__init__(*args)

    def log_message(self, *_):
        pass

    def serve(self):
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.command != "GET":
            good = self.store.signed(self, body)
            self.store.asked.append((self.command, self.path,
                                     dict(self.headers), good))
            if not good or self.store.mode == "refuse":
                self.send_response(403)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if self.store.mode == "mute":
                time.sleep(0.1)
                self.close_connection = True
                return
        conn = http.client.HTTPConnection("127.0.0.1", self.store.port)
        conn.request(self.command, self.path, body, {
            k: v for k, v in self.headers.items() if k in (
                "Content-Type", "content-type", "cache-control")})
        answer = conn.getresponse()
        back = answer.read()
        self.send_response(answer.status)
        for name in ("Content-Type", "Cache-Control"):
            if answer.headers[name]:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(back)))
        self.end_headers()
        self.wfile.write(back)

    do_GET = do_PUT = do_DELETE = serve


STORE = Store() if "POSTERN_DEV_DIR" in os.environ else None
in_s3 = pytest.mark.stack(
    S3_ENDPOINT=STORE.url if STORE else "", S3_ACCESS_KEY_ID=Store.ID,
    S3_SECRET_ACCESS_KEY=Store.SECRET, S3_BUCKET_NAME=Store.BUCKET,
    S3_REGION="eu-central-1", S3_PUBLIC_READ="true",
    S3_USE_PATH_STYLE="true")


@pytest.fixture
def store(stack):
    STORE.start()
    STORE.mode = "up"
    STORE.asked.clear()
    yield STORE
    STORE.mode = "up"


@in_s3
def test_pictures_are_kept_in_s3_by_signed_requests(stack, store, person):
    answer = upload(person, saved(gradient(), "JPEG"))
    assert answer.status == 200, answer
    url = answer.data["url"]
    assert url.startswith(f"{store.url}/{store.BUCKET}/profile-pictures/"
                          f"{person.id}/") and shown(person)[0] == url
    status, headers, body = fetch(url)
    assert (status, headers["Content-Type"]) == (200, "image/jpeg")
    assert Image.open(io.BytesIO(body)).size == (512, 512)
    (method, path, sent, good), = store.asked
    assert (method, good, store.url + path) == ("PUT", True, url)
    assert sent["x-amz-acl"] == "public-read"
    assert "immutable" in sent["cache-control"]
    second = upload(person, saved(gradient(), "PNG")).data["url"]
    until(lambda: fetch(url)[0] == 404, "the first one's end")
    assert fetch(second)[0] == 200
    assert [a[0] for a in store.asked].count("DELETE") == 1
    assert all(a[3] for a in store.asked)
    log = open(stack["LOG_DIR"] + "/worker.log").read()
    assert store.SECRET not in log and "AWS4-HMAC" not in log


@in_s3
@pytest.mark.parametrize("mode", ["refuse", "mute"])
def test_a_store_that_fails_leaves_the_profile_as_it_was(
        stack, store, person, mode):
    """Row MU8; and the store is asked again, soon and not at once."""
    good = saved(gradient(40, 40), "PNG")
    url = until(lambda: upload(person, good).json.get("data", {}).get("url"),
                "a store that is asked again")
    store.mode = mode
    answer = upload(person, good)
    assert (answer.status, answer.code) == (503, "SERVICE_UNAVAILABLE")
    assert "stored" in answer.json["message"]
    assert shown(person)[0] == url
    store.mode = "up"
    until(lambda: stack.sql("select count(*) from media_objects where user_id "
          "= %s and state in ('pending', 'doomed')", person.id) == [(0,)],
          "nothing is left", 60)
    assert fetch(url)[0] == 200


# --- off


@pytest.mark.stack(MEDIA_DIR="")
def test_who_wants_no_pictures(api, person):
    assert api.root("GET", "/info").data["capabilities"]["media"] is False
    answer = upload(person, saved(gradient(9, 9), "PNG"))
    assert answer.status == 404
    assert "keeps no pictures" in answer.json["message"]


def test_info_tells_that_there_are_pictures(api):
    assert api.root("GET", "/info").data["capabilities"]["media"] is True
