"""postern-worker against a real Postgres and a real SMTP server (rows RE2 to
RE7, RE12): nothing is lost, nothing is late, nothing is said twice without
saying the same thing."""
import collections
import email
import email.policy
import glob
import json
import os
import random
import re
import signal
import socket
import subprocess
import time

import psycopg2
import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
SECRET = "kq3VY0pZ7mD1xw9RfB6tLs2eHc8uNj4aGoPiXyTz"


def program(name):
    """A program of the build: POSTERN_DEV_BUILD, here, or a usual place."""
    found = []
    for place in (os.environ.get("POSTERN_DEV_BUILD", "."), TOP,
                  TOP + "/build*", TOP + "/.dev*/build"):
        found += glob.glob(place + "/" + name)
    found = [f for f in found if os.access(f, os.X_OK)]
    if not found:
        pytest.skip(name + " is not built")
    return os.path.abspath(found[0])


def wait_for(what, seconds=60, pause=0.05):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = what()
        if got:
            return got
        time.sleep(pause)
    raise AssertionError(f"not within {seconds} s: {what}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    where = str(tmp_path_factory.mktemp("pg"))
    # the servers may run as another user, who has to get there
    for d in (where, os.path.dirname(where), os.path.dirname(
            os.path.dirname(where))):
        os.chmod(d, 0o755)
    scratch = os.path.join(TOP, "tests", "scratch")
    env = dict(os.environ, SCRATCH_WITHOUT="redis pgbouncer")
    lines = subprocess.run([scratch, "start", where + "/s"], env=env,
                           check=True, capture_output=True, text=True).stdout
    places = dict(x.split("=", 1) for x in lines.splitlines())
    yield places
    subprocess.run([scratch, "stop", where + "/s"], env=env, check=True)


class Relay:
    def __init__(self, where, *options):
        self.dir = str(where)
        self.port = free_port()
        self.options = options
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            ["/usr/bin/python3", os.path.join(TOP, "tests/e2e/smtp_server.py"),
             str(self.port), self.dir, *self.options],
            stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"
        return self

    def stop(self, sig=signal.SIGKILL):
        if self.process:
            self.process.send_signal(sig)
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    def script(self, *lines):
        path = os.path.join(self.dir, "script")
        if lines:
            with open(path + ".new", "w") as f:
                f.write("\n".join(lines) + "\n")
            os.rename(path + ".new", path)
        elif os.path.exists(path):
            os.unlink(path)

    def mails(self):
        out = []
        for name in sorted(
                glob.glob(os.path.join(self.dir, "new", "*.eml")),
                key=lambda n: int(n.split(".")[-2])):
            with open(name, "rb") as f:
                out.append(email.message_from_binary_file(
                    f, policy=email.policy.default))
        return out

    def ids(self):
        """In the order they were taken."""
        return [m["Message-ID"].split("@")[0].lstrip("<")
                for m in self.mails()]

    def connections(self):
        """The most that were open at once."""
        with open(os.path.join(self.dir, "connections")) as f:
            return int(f.read())


class Stack:
    def __init__(self, postgres, where):
        self.where = str(where)
        self.workers = []
        self.relays = []
        kept = {k: v for k, v in os.environ.items() if k in (
            "PATH", "HOME", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS",
            "LD_LIBRARY_PATH")}
        self.env = dict(
            kept, DATABASE_URL=postgres["SCRATCH_OWNER"],
            JWT_SECRET=SECRET, RUNTIME_DIR=self.where + "/run",
            TEMPLATE_DIR=os.path.join(TOP, "templates"),
            PUBLIC_URL="https://auth.example.test", APP_NAME="Vignette",
            LOG_FILE=self.where + "/worker.log", SMTP_HOST="127.0.0.1",
            SMTP_USE_TLS="false", POSTERN_CONFIG="")
        self.db = psycopg2.connect(postgres["SCRATCH_ADMIN"])
        self.db.autocommit = True
        subprocess.run([program("tests/e2e/mail_job"), "migrate"],
                       env=self.env, check=True)
        self.sql("truncate jobs cascade")
        self.sql("update cron_jobs set next_run = now() + interval '1 day'")

    def sql(self, text, *args):
        with self.db.cursor() as c:
            c.execute(text, args)
            return c.fetchall() if c.description else None

    def relay(self, *options):
        r = Relay(self.where + f"/mail{len(self.relays)}", *options).start()
        self.relays.append(r)
        self.env["SMTP_PORT"] = str(r.port)
        return r

    def worker(self, stderr=None, **env):
        p = subprocess.Popen([program("postern-worker")], stderr=stderr,
                             env=dict(self.env, **env))
        self.workers.append(p)
        return p

    def once(self, **env):
        return subprocess.run([program("postern-worker"), "--once"],
                              env=dict(self.env, **env), check=True)

    def add(self, n=1, ttl=0, priority=0, **change):
        lines = []
        for i in range(n):
            payload = {"template": "verify", "to": f"user{i}@example.test",
                       "language": "en-US,en;q=0.9", "name": "Ann",
                       "vars": {"code": "418302", "minutes": 10}}
            payload.update(change)
            lines.append(json.dumps(payload))
        return subprocess.run(
            [program("tests/e2e/mail_job"), str(ttl), str(priority)],
            input="\n".join(lines) + "\n", env=self.env, check=True,
            capture_output=True, text=True).stdout.split()

    def state(self, job):
        return self.sql("select state, attempts, last_error, payload is null "
                        "from jobs where id = %s", job)[0]

    def undone(self):
        return self.sql("select count(*) from jobs where state <> 'done'"
                        )[0][0]

    def log(self):
        try:
            with open(self.where + "/worker.log") as f:
                return f.read()
        except FileNotFoundError:
            return ""


@pytest.fixture
def stack(postgres, tmp_path):
    s = Stack(postgres, tmp_path)
    yield s
    for p in s.workers:
        if p.poll() is None:
            p.kill()
            p.wait()
    for r in s.relays:
        r.stop()
    s.db.close()


def body(message, kind):
    return message.get_body((kind,)).get_content()


def test_a_mail_arrives_as_text_and_html_with_its_own_headers(stack):
    relay = stack.relay()
    job, = stack.add()
    stack.once()
    m, = relay.mails()
    assert m["X-Rcpt"] == "user0@example.test"
    assert m["X-From"] == "no-reply@auth.example.test"
    assert m["Message-ID"] == f"<{job}@auth.example.test>"
    assert m["From"] == "Vignette <no-reply@auth.example.test>"
    assert m["Subject"] == "Your Vignette verification code: 418302"
    assert m["Auto-Submitted"] == "auto-generated"
    assert m["Date"].datetime is not None
    assert "    418302\r\n" in body(m, "plain").replace("\n", "\r\n")
    assert "Hello Ann," in body(m, "plain")
    assert ">418302</p>" in body(m, "html")
    assert stack.state(job) == ("done", 1, None, True)


@pytest.mark.parametrize("template", [
    "verify", "welcome", "reset", "password-changed", "already-registered",
    "refresh-reuse", "new-login", "erase", "test"])
def test_every_template_renders(stack, template):
    relay = stack.relay()
    stack.add(template=template, vars={
        "code": "418302", "minutes": 10, "username": "ann",
        "link": "https://auth.example.test/reset-password?token=pwr_x-Y&a=b",
        "token": "pwr_x-Y", "when": "2026-01-02T03:04:05.678Z",
        "until": "2026-01-09T03:04:05.678Z",
        "ip": "192.0.2.1", "user_agent": "curl/8 <b>"})
    stack.once()
    m, = relay.mails()
    for kind in ("plain", "html"):
        assert "{{" not in body(m, kind)
        assert "Vignette" in body(m, kind)
    if template == "reset":
        link = "https://auth.example.test/reset-password?token=pwr_x-Y&a=b"
        assert link in body(m, "plain")
        assert link.replace("&", "&amp;") in body(m, "html")
    if template == "erase":
        assert "2026-01-09 03:04 UTC" in body(m, "plain")
    if template in ("password-changed", "refresh-reuse", "new-login",
                    "erase"):
        assert "When:    2026-01-02 03:04 UTC" in body(m, "plain")
        assert "<td>192.0.2.1</td>" in body(m, "html")
    assert "<b>" not in body(m, "html")


def test_times_are_said_in_the_language_of_the_mail(stack, tmp_path):
    """By the template _time of the language, which is replaced like others;
    a language without one says it as English does."""
    relay = stack.relay()
    own = tmp_path / "own" / "mail"
    for language in ("de", "fr", "nl"):
        (own / language).mkdir(parents=True)
        (own / language / "verify.txt").write_text(
            "Subject: x\n\n{{when}}, {{until}}\n")
    (own / "nl" / "_time.txt").write_text(
        "{{day}}-{{month}}-{{year}} {{hour}}.{{minute}} uur\n")
    for language in ("de", "fr", "nl"):
        stack.add(language=language, vars={
            "when": "2026-01-02T03:04:05.678Z",
            "until": "2026-12-31T23:59:59.999Z"})
    # Of a build that is not installed there is no other directory.
    for name in ("_time.txt", "de/_time.txt"):
        with open(os.path.join(TOP, "templates/mail", name)) as f:
            (own / name).write_text(f.read())
    stack.once(TEMPLATE_DIR=str(tmp_path / "own"))
    assert sorted(body(m, "plain").strip() for m in relay.mails()) == [
        "02-01-2026 03.04 uur, 31-12-2026 23.59 uur",
        "02.01.2026, 03:04 Uhr (UTC), 31.12.2026, 23:59 Uhr (UTC)",
        "2026-01-02 03:04 UTC, 2026-12-31 23:59 UTC"]


@pytest.mark.parametrize("kind", ["mail", "sms"])
def test_a_language_lacks_no_text_and_no_value(kind):
    """What a folder of templates has, all have; with the same variables."""
    top = os.path.join(TOP, "templates", kind)

    def variables(path):
        with open(path) as f:
            return set(re.findall(r"\{\{[{#^]?([a-z_]+)", f.read())) - {
                "lang"}
    # The host an SMS is bound to has no words.
    names = {n for n in os.listdir(top) if "." in n} - {"_bound.txt"}
    languages = [n for n in os.listdir(top) if "." not in n]
    assert "de" in languages
    for language in languages:
        where = os.path.join(top, language)
        assert set(os.listdir(where)) == names
        for name in names:
            assert variables(os.path.join(where, name)) == variables(
                os.path.join(top, name)), (language, name)


def test_names_cannot_become_links_or_markup(stack):
    """Rows HT4, HT7."""
    relay = stack.relay()
    stack.add(name="Visit http://evil.test now")
    stack.add(name="<b>Ann</b>")
    stack.add(name="Ann\r\nBcc: x@evil.test")
    stack.add(name="evil.test")
    stack.add(name="Zoë O'Neil J.")
    stack.once()
    names = sorted(body(m, "plain").split("\n")[0].strip()
                   for m in relay.mails())
    assert names == ["Hello Zoë O'Neil J.,"] + ["Hello,"] * 4
    assert not any("evil" in str(m) for m in relay.mails())


def test_an_operator_replaces_single_files_and_adds_languages(stack, tmp_path):
    relay = stack.relay()
    own = tmp_path / "own"
    (own / "mail" / "de").mkdir(parents=True)
    for name in os.listdir(os.path.join(TOP, "templates/mail")):
        if name == "de":
            continue
        with open(os.path.join(TOP, "templates/mail", name)) as f:
            (own / "mail" / name).write_text(f.read())
    (own / "mail" / "de" / "verify.txt").write_text(
        "Subject: Bestätigung für {{brand}}\n\nGrüße: {{code}}\n")
    stack.add(language="de-AT,de;q=0.9,en;q=0.8")
    stack.once(TEMPLATE_DIR=str(own))
    m, = relay.mails()
    assert m["Subject"] == "Bestätigung für Vignette"
    assert body(m, "plain").strip() == "Grüße: 418302"


def test_refusals_by_their_code(stack):
    """Row RE6: 4xx is tried again, 5xx is a dead letter at once."""
    relay = stack.relay()
    relay.script("RCPT 451 4.7.1 please come back later")
    job, = stack.add()
    stack.once()
    state, attempts, error, wiped = stack.state(job)
    assert (state, attempts, wiped) == ("ready", 1, False)
    assert "451 4.7.1 please come back later" in error
    wait = stack.sql("select extract(epoch from run_at - now()) from jobs "
                     "where id = %s", job)[0][0]
    assert 10 < wait < 25
    relay.script("DATA 554 5.7.1 we do not like this")
    stack.sql("update jobs set run_at = now()")
    stack.once()
    state, attempts, error, wiped = stack.state(job)
    assert (state, attempts, wiped) == ("dead", 2, False)
    assert "554 5.7.1" in error
    assert stack.sql("select attempt, result from job_attempts where "
                     "job_id = %s order by attempt", job) == \
        [(1, "retry"), (2, "dead")]
    assert relay.mails() == []


def test_one_bad_mail_never_stops_the_others(stack):
    """Row RE5."""
    relay = stack.relay()
    bad = [stack.add(to="x@y.test\r\nRCPT TO:<z@evil.test>")[0],
           stack.add(to="nobody")[0]]
    broken, = stack.add()
    stack.sql("update jobs set payload = '\\x00' where id = %s", broken)
    good, = stack.add()
    stack.once()
    for job in bad + [broken]:
        state, attempts, error, _ = stack.state(job)
        assert (state, attempts) == ("dead", 0)
        assert error
    assert stack.state(good)[0] == "done"
    assert relay.ids() == [good]
    assert len(relay.mails()) == 1


def test_a_mail_whose_template_is_not_known_waits_for_it(stack, tmp_path):
    """Row RE5: a worker may be older than the web process beside it, or a
    template of the operator's be broken for a while. What never comes is a
    dead letter after all its tries."""
    relay = stack.relay()
    own = tmp_path / "own" / "mail"
    own.mkdir(parents=True)
    (own / "verify.txt").write_text("no subject\n")
    jobs = [stack.add(template="no-such")[0], stack.add()[0]]
    stack.once(TEMPLATE_DIR=str(tmp_path / "own"))
    for job in jobs:
        state, attempts, error, wiped = stack.state(job)
        assert (state, attempts, wiped) == ("ready", 1, False)
        assert error
        wait = stack.sql("select extract(epoch from run_at - now()) from jobs "
                         "where id = %s", job)[0][0]
        assert 10 < wait < 25
    (own / "verify.txt").unlink()
    (own / "no-such.txt").write_text("Subject: New\n\nNews\n")
    stack.sql("update jobs set run_at = now(), attempts = 29")
    stack.once(TEMPLATE_DIR=str(tmp_path / "own"))
    assert sorted(relay.ids()) == sorted(jobs)
    never, = stack.add(template="never")
    stack.sql("update jobs set attempts = 30 where id = %s", never)
    stack.once()
    assert stack.state(never)[0] == "dead"


def test_a_record_that_is_refused_takes_no_other_with_it(stack):
    """Row RE5: the ends of a batch are one statement."""
    relay = stack.relay()
    relay.script("SLOW 0.1")
    jobs = stack.add(8)
    stack.sql("create function refuse() returns trigger language plpgsql as "
              "$$ begin raise exception 'no'; end $$")
    stack.sql("create trigger refuse before update on jobs for each row when "
              f"(new.id = '{jobs[3]}' and new.state = 'done') "
              "execute function refuse()")
    try:
        stack.once(SMTP_CONNECTIONS="8")
    finally:
        stack.sql("drop function refuse cascade")
    assert sorted(relay.ids()) == sorted(jobs)
    assert {j: stack.state(j)[0] for j in jobs} == {
        j: "ready" if j == jobs[3] else "done" for j in jobs}
    assert stack.log().count("cannot be recorded") == 1


def test_a_payload_is_bound_to_its_row(stack):
    """Row CF5: moved to another row it opens nothing."""
    stack.relay()
    one, = stack.add()
    two, = stack.add()
    stack.sql("update jobs set payload = (select payload from jobs where id ="
              " %s) where id = %s", one, two)
    stack.once()
    assert stack.state(two)[:3] == ("dead", 0,
                                    "the payload cannot be unsealed")


def test_what_is_late_is_not_sent(stack):
    """Row RE7."""
    relay = stack.relay()
    job, = stack.add(ttl=600)
    stack.sql("update jobs set expires_at = now() where id = %s", job)
    stack.once()
    assert stack.state(job)[0] == "expired"
    assert stack.state(job)[3]
    assert relay.mails() == []
    assert "expired before it could be sent" in stack.log()


def test_urgent_jobs_go_first(stack):
    relay = stack.relay()
    slow = stack.add(3, priority=5)
    fast = stack.add(3, priority=0)
    stack.once(SMTP_CONNECTIONS="1")
    order = relay.ids()
    assert set(order[:3]) == set(fast) and set(order[3:]) == set(slow)


@pytest.mark.slow
def test_a_reset_mail_passes_a_hundred_thousand_others(stack):
    """Mails of lower priority and webhook tries, all due before it: it is
    sent at once, in front of what the worker has claimed already."""
    relay = stack.relay()
    first, = stack.add(priority=5)
    stack.sql("insert into jobs (id, kind, payload, priority, run_at) "
              "select gen_random_uuid(), 'mail', payload, 5, now() - "
              "interval '1 hour' from jobs, generate_series(1, 60000)")
    stack.sql("delete from jobs where id = %s", first)
    user, hook = (stack.sql("select gen_random_uuid()")[0][0]
                  for _ in range(2))
    stack.sql("insert into users (id, email, username) values (%s, "
              "'hooks@example.test', 'hooks')", user)
    stack.sql("insert into webhooks (id, user_id, url, events, secret) "
              "values (%s, %s, 'https://192.0.2.1/', '{*}', '')", hook, user)
    stack.sql("insert into webhook_deliveries (id, webhook_id, event_id, "
              "event, body, run_at) select gen_random_uuid(), %s, "
              "gen_random_uuid(), 'user.login', '{}', now() - interval "
              "'1 hour' from generate_series(1, 40000)", hook)
    stack.sql("analyze jobs, webhook_deliveries")
    slow, = stack.add(priority=5)
    p = stack.worker(SMTP_CONNECTIONS="1")
    # Those 60,000 are bound to another row and die as they are looked at:
    # the worker is among them for long, with what it claimed ahead.
    wait_for(lambda: stack.sql("select count(*) from jobs where state = "
                               "'dead'")[0][0] > 500, pause=0.01)
    reset, = stack.add(template="reset", priority=0, vars={
        "link": "https://auth.example.test/r", "token": "pwr_x",
        "minutes": 60})
    wait_for(lambda: stack.state(reset)[0] == "done", pause=0.01)
    assert stack.sql("select count(*) from jobs where state = 'ready'"
                     )[0][0] > 40000
    assert relay.ids() == [reset]
    assert stack.state(slow)[0] == "ready"
    p.kill()
    p.wait()
    stack.sql("delete from users where id = %s", user)


def test_as_many_connections_as_there_are_mails_and_no_more(stack):
    relay = stack.relay()
    relay.script("SLOW 0.2")
    one, = stack.add()
    stack.once()
    assert relay.connections() == 1
    jobs = stack.add(12)
    stack.once(SMTP_CONNECTIONS="3")
    assert relay.connections() == 3
    assert sorted(relay.ids()) == sorted(jobs + [one])


def test_connections_do_not_wait_for_each_others_replies(stack):
    """The relay answers no message before it has all three."""
    relay = stack.relay()
    relay.script("HOLD 3")
    jobs = stack.add(3)
    stack.once(SMTP_CONNECTIONS="3")
    assert sorted(relay.ids()) == sorted(jobs)
    assert [stack.state(j)[:2] for j in jobs] == [("done", 1)] * 3


def test_a_relay_that_owes_a_reply_holds_up_no_other_work(stack):
    """Row RE5: other mail, and maintenance."""
    relay = stack.relay()
    relay.script("HOLD 99")
    held, = stack.add()
    stack.worker(SMTP_CONNECTIONS="2")
    wait_for(lambda: relay.ids() == [held])
    stack.sql("insert into attempts values ('over', 1, now() - interval "
              "'1 hour')")
    stack.sql("update cron_jobs set next_run = now()")
    wait_for(lambda: stack.sql("select count(*) from attempts where bucket = "
                               "'over'")[0][0] == 0)
    other, = stack.add()
    wait_for(lambda: relay.ids() == [held, other])
    assert stack.undone() == 2
    relay.script()
    wait_for(lambda: stack.undone() == 0)
    assert [stack.state(j)[1] for j in (held, other)] == [1, 1]


def children(p):
    """Those that send: what has to do with pictures lives on."""
    with open(f"/proc/{p.pid}/task/{p.pid}/children") as f:
        pids = [int(x) for x in f.read().split()]
    return [pid for pid in pids
            if name_of(pid) not in ("postern-image", "postern-media")]


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm") as f:
            return f.read().strip()
    except FileNotFoundError:
        return "ended"


def threads(p):
    return len(os.listdir(f"/proc/{p.pid}/task"))


def test_a_process_that_died_comes_back_when_no_mail_is_under_way(stack):
    """What forks has no other thread, whose locks the child would inherit."""
    relay = stack.relay()
    p = stack.worker()
    courier, = wait_for(lambda: children(p))
    relay.script("HOLD 99")
    jobs = stack.add()
    wait_for(lambda: relay.ids() == jobs)
    assert threads(p) == 2
    os.kill(courier, signal.SIGKILL)
    wait_for(lambda: "a process of the worker died" in stack.log())
    assert f'"process":{courier},"signal":9' in stack.log()
    jobs += stack.add(3)
    assert children(p) == []
    relay.script()
    wait_for(lambda: children(p))
    wait_for(lambda: stack.undone() == 0)
    assert sorted(relay.ids()) == sorted(jobs)


def test_a_relay_that_takes_fewer_connections_gets_fewer(stack):
    """Both are busy until the third was turned away, and the others."""
    relay = stack.relay("--connections", "2")
    relay.script("HOLD 99")
    jobs = stack.add(20)
    stack.worker(SMTP_CONNECTIONS="5")
    wait_for(lambda: re.search(r'takes no more connections.*"connections":2',
                               stack.log()))
    relay.script()
    wait_for(lambda: stack.undone() == 0)
    assert sorted(relay.ids()) == sorted(jobs)
    assert relay.connections() == 2
    assert stack.sql("select max(attempts), min(state), max(state) from jobs"
                     )[0] == (1, "done", "done")
    assert "does not work for us" not in stack.log()


def make_ca(where):
    """A CA of our own, and a certificate for 127.0.0.1."""
    def openssl(*args):
        subprocess.run(["openssl", *args], check=True, cwd=where,
                       capture_output=True)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
            "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Test CA")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem",
            "-out", "csr.pem", "-subj", "/CN=127.0.0.1")
    (where / "ext").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "csr.pem", "-CA", "ca.pem", "-CAkey",
            "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "ext",
            "-out", "cert.pem")
    return [str(where / x) for x in ("ca.pem", "cert.pem", "key.pem")]


def test_tls_and_auth_are_used_and_the_certificate_is_checked(stack, tmp_path):
    """Row RE6."""
    ca, cert, key = make_ca(tmp_path)
    relay = stack.relay("--tls", cert, key, "--auth", "ann", "s3cret-Pa55")
    login = dict(SMTP_USE_TLS="true", SMTP_USERNAME="ann",
                 SMTP_PASSWORD="s3cret-Pa55")
    job, = stack.add()
    stack.once(**login)             # a CA nobody trusts
    assert stack.state(job)[:2] == ("ready", 0)
    stack.sql("update jobs set run_at = now()")
    stack.once(SMTP_CA_FILE=ca, **dict(login, SMTP_PASSWORD="wrong"))
    assert stack.state(job)[:2] == ("ready", 0)
    assert relay.mails() == []
    stack.sql("update jobs set run_at = now()")
    stack.once(SMTP_CA_FILE=ca, **login)
    m, = relay.mails()
    assert (m["X-Tls"], m["X-Auth"]) == ("yes", "True")
    assert "s3cret" not in stack.log()


def test_a_relay_without_tls_gets_nothing_when_tls_is_wanted(stack):
    relay = stack.relay()
    job, = stack.add()
    stack.once(SMTP_USE_TLS="true")
    assert stack.state(job)[:2] == ("ready", 0)
    assert relay.mails() == []


def test_without_a_relay_mail_stays_in_the_queue(stack):
    job, = stack.add()
    stack.once(SMTP_HOST="")
    assert stack.state(job) == ("ready", 0, None, False)


def test_the_relay_away_and_back_loses_nothing_and_costs_no_attempt(stack):
    relay = stack.relay()
    relay.stop()
    stack.worker()
    jobs = stack.add(30)
    wait_for(lambda: "does not work for us" in stack.log())
    wait_for(lambda: stack.sql(
        "select count(*) from job_attempts where result = 'unreachable'"
    )[0][0] > 0)
    relay.start()
    wait_for(lambda: stack.undone() == 0)
    assert sorted(relay.ids()) == sorted(jobs)
    assert stack.sql("select max(attempts) from jobs")[0][0] == 1
    assert "the mail relay is back" in stack.log()


def test_the_connection_lost_in_the_data_is_tried_again(stack):
    relay = stack.relay()
    relay.script("DROP")
    stack.worker()
    job, = stack.add()
    wait_for(lambda: stack.state(job)[1] > 0 and stack.state(job)[2])
    relay.script()
    wait_for(lambda: stack.state(job)[0] == "done")
    assert relay.ids() == [job]


def can_wake(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        try:
            s.connect(path)
            return True
        except OSError:
            return False


def test_a_wake_up_starts_the_work_and_only_one_worker_holds_it(stack):
    stack.relay()
    stack.worker()
    wait_for(lambda: os.path.exists(stack.where + "/run/worker.sock"))
    assert os.stat(stack.where + "/run/worker.sock").st_mode & 0o777 == 0o660
    stack.worker()
    stack.add(20)
    wait_for(lambda: stack.undone() == 0)
    stack.workers[0].kill()
    stack.workers[0].wait()
    # its socket is dead; the other one takes the place
    wait_for(lambda: can_wake(stack.where + "/run/worker.sock"))


def test_several_workers_send_each_mail_once(stack):
    """Row RE3."""
    relay = stack.relay()
    jobs = stack.add(200)
    for _ in range(4):
        stack.worker()
    wait_for(lambda: stack.undone() == 0)
    assert sorted(relay.ids()) == sorted(jobs)


def test_a_late_worker_cannot_finish_what_another_has(stack):
    """Row RE3: fencing. The lease is taken away while the mail is on its
    way."""
    relay = stack.relay()
    relay.script("SLOW 1.5")
    stack.worker()
    job, = stack.add()
    wait_for(lambda: stack.state(job)[1] == 1)
    stack.sql("update jobs set lease_token = gen_random_uuid(), run_at = "
              "now() + interval '1 hour' where id = %s", job)
    wait_for(lambda: "not recorded" in stack.log())
    assert stack.state(job)[0] == "ready"


@pytest.mark.parametrize("connections", [1, 4])
def test_sigterm_finishes_the_mail_under_way_and_gives_back_the_rest(
        stack, connections):
    """Row RE12: what was not begun was not tried either."""
    relay = stack.relay()
    relay.script("SLOW 1")
    jobs = stack.add(9)
    p = stack.worker(SMTP_CONNECTIONS=str(connections))
    wait_for(lambda: stack.sql("select count(*) from job_attempts")[0][0] ==
             connections)
    p.send_signal(signal.SIGTERM)
    assert p.wait(9) == 0       # not the whole 10 s of grace
    states = stack.sql("select state, attempts, lease_holder is null "
                       "from jobs where state = 'done' or run_at <= now() "
                       "order by state")
    assert states == [("done", 1, True)] * connections + \
        [("ready", 0, True)] * (9 - connections)
    assert len(relay.ids()) == connections
    assert not os.path.exists(stack.where + "/run/worker.sock")
    assert glob.glob(stack.where + "/run/worker-*.lock") == []
    relay.script()
    stack.once()
    assert sorted(relay.ids()) == sorted(jobs)


def stop_gives_back(stack, p, job, tries):
    p.send_signal(signal.SIGTERM)
    assert p.wait(18) == 0      # 10 s of grace
    assert stack.state(job) == ("ready", tries, "the worker was stopped",
                                False)
    assert stack.sql("select run_at <= now(), lease_holder is null from jobs"
                     ) == [(True, True)]
    assert glob.glob(stack.where + "/run/worker-*.lock") == []


def test_what_outlasts_the_grace_is_given_back_untried(stack):
    """Row RE12: nothing of it was sent."""
    relay = stack.relay()
    relay.script("STALL 20")
    job, = stack.add()
    p = stack.worker()
    wait_for(lambda: stack.state(job)[1] == 1)
    stop_gives_back(stack, p, job, tries=0)
    assert relay.ids() == []


def test_a_reply_that_outlasts_the_grace_is_not_waited_for(stack):
    """Rows RE4, RE12: the relay may have taken it, so it goes out again as
    the same message."""
    relay = stack.relay()
    relay.script("HOLD 99")
    job, = stack.add()
    p = stack.worker()
    wait_for(lambda: relay.ids() == [job])
    stop_gives_back(stack, p, job, tries=1)
    relay.script()
    stack.once()
    first, second = relay.mails()
    assert first.as_string() == second.as_string()
    assert stack.state(job)[:2] == ("done", 2)


@pytest.mark.parametrize("rounds", [int(os.environ.get("KILLS", "30"))])
def test_kill_9_at_any_moment_loses_nothing(stack, rounds):
    """Rows RE3, RE4, RE12: every mail arrives; one that arrives twice is the
    same message, and each copy was a try that is traced."""
    relay = stack.relay()
    jobs = stack.add(max(rounds * 4, int(os.environ.get("MAILS", "0"))))
    chance = random.Random(1)
    for _ in range(rounds):
        p = stack.worker()
        time.sleep(chance.uniform(0.0, 0.12))
        p.kill()
        p.wait()
    stack.worker()
    # no lease is waited for: the next worker knows that those are dead
    wait_for(lambda: stack.undone() == 0, 50 + len(jobs) / 100)
    copies = collections.Counter(relay.ids())
    assert set(copies) == set(jobs)
    tries = dict(stack.sql("select job_id::text, count(*) from job_attempts "
                           "group by job_id"))
    assert [j for j in jobs if copies[j] > tries[j]] == []
    # All copies but one of a mail stand against a try that had no end.
    cut = dict(stack.sql("select job_id::text, count(*) from job_attempts "
                         "where finished_at is null group by job_id"))
    assert [j for j in jobs if copies[j] - 1 > cut.get(j, 0)] == []
    same = {}
    for m in relay.mails():
        assert same.setdefault(m["Message-ID"], m.as_string()) == m.as_string()
    print(f"{rounds} kills, {len(jobs)} mails, "
          f"{sum(copies.values()) - len(jobs)} came again")


def test_postgres_away_and_back(stack, postgres):
    """A mail that was sent while the database was gone is not sent again."""
    relay = stack.relay()
    relay.script("SLOW 1")
    p = stack.worker()
    job, = stack.add()
    wait_for(lambda: stack.state(job)[1] == 1)
    pgdata = postgres["SCRATCH"] + "/pg"
    with open(pgdata + "/postmaster.pid") as f:
        pid = int(f.readline())
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True,
                              text=True).stdout.split()
    os.kill(pid, signal.SIGSTOP)
    for child in children:
        os.kill(int(child), signal.SIGSTOP)
    wait_for(lambda: len(relay.mails()) == 1)
    time.sleep(3)       # past the deadline of a statement
    for child in children:
        os.kill(int(child), signal.SIGCONT)
    os.kill(pid, signal.SIGCONT)
    relay.script()
    wait_for(lambda: stack.state(job)[0] == "done")
    more = stack.add(3)
    wait_for(lambda: stack.undone() == 0)
    assert sorted(relay.ids()) == sorted([job] + more)
    assert p.poll() is None


def test_what_was_claimed_goes_out_while_postgres_stands_still(
        stack, postgres):
    relay = stack.relay()
    jobs = stack.add(600)
    stack.worker(DB_STATEMENT_TIMEOUT="60s", SMTP_CONNECTIONS="1")
    wait_for(lambda: stack.sql("select count(*) from jobs where state = "
                               "'done'")[0][0] > 20, pause=0.01)
    other = psycopg2.connect(postgres["SCRATCH_ADMIN"])
    try:
        # Records and claims wait for this, and nothing else does.
        other.cursor().execute("lock table jobs in share mode")
        claimed = {j for j, in stack.sql("select distinct job_id::text from "
                                         "job_attempts")}
        wait_for(lambda: set(relay.ids()) == claimed, 30)
        assert stack.undone() > 0
    finally:
        other.close()
    wait_for(lambda: stack.undone() == 0)
    assert sorted(relay.ids()) == sorted(jobs)


def test_maintenance_deletes_what_is_over_once(stack):
    stack.relay()
    stack.sql("insert into attempts select 'b' || n, 1, now() - interval "
              "'1 hour' from generate_series(1, 1200) n")
    stack.sql("insert into attempts values ('live', 1, now() + interval "
              "'1 hour')")
    old, = stack.add()
    kept, = stack.add()
    stack.once()
    stack.sql("update jobs set finished_at = now() - interval '25 hours' "
              "where id = %s", old)
    stack.sql("update cron_jobs set next_run = now()")
    stack.once()
    assert stack.sql("select bucket from attempts") == [("live",)]
    assert stack.sql("select id::text from jobs") == [(kept,)]
    assert stack.sql("select next_run > now() + interval '59 minutes' "
                     "from cron_jobs") == [(True,)]
    stack.sql("delete from attempts")


def test_what_anybody_causes_is_kept_for_a_day(stack):
    """Row PV4: what expired, and dead letters that would have by then. Others
    are kept for 30 days."""
    stack.relay()
    expired, late = stack.add(2, ttl=600)
    notice, old = stack.add(2)
    stack.sql("update jobs set state = 'dead', finished_at = now() - interval"
              " '29 days' where id <> %s", expired)
    stack.sql("update jobs set state = 'expired', payload = null,"
              " finished_at = now() where id = %s", expired)
    stack.sql("update jobs set finished_at = now() - interval '25 hours'"
              " where id in (%s, %s)", expired, late)
    stack.sql("update jobs set finished_at = now() - interval '31 days'"
              " where id = %s", old)
    stack.sql("insert into kafka_outbox (topic, event, user_id, expires_at,"
              " state, finished_at) select 'user-events', event,"
              " gen_random_uuid(), until, 'dead', now() - interval '25 hours'"
              " from (values ('password_reset_requested', now()),"
              " ('user_signup', null)) v (event, until)")
    stack.sql("update cron_jobs set next_run = now()")
    stack.once()
    assert stack.sql("select id::text from jobs") == [(notice,)]
    assert stack.sql("select event from kafka_outbox") == [("user_signup",)]
    stack.sql("delete from jobs")
    stack.sql("delete from kafka_outbox")


def test_the_service_manager_is_told(stack):
    """sd_notify(3): the unit has Type=notify and WatchdogSec."""
    stack.relay()
    where = stack.where + "/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(where)
        manager.settimeout(15)
        p = stack.worker(NOTIFY_SOCKET=where)
        heard = [manager.recv(100).decode() for _ in range(5)]
        p.send_signal(signal.SIGTERM)
        while manager.recv(100) != b"STOPPING=1":
            pass
        assert p.wait(20) == 0
    assert heard.count("READY=1") == 1
    assert set(heard) == {"READY=1", "WATCHDOG=1"}


def test_hup_takes_settings_templates_and_the_log_file_anew(stack, tmp_path):
    """Of its processes too; the secrets of the environment are still there."""
    relay = stack.relay()
    config, templates = tmp_path / "postern.yaml", tmp_path / "own" / "mail"
    templates.mkdir(parents=True)
    config.write_text("service:\n  name: Before\n"
                      f"  template_dir: {TOP}/templates\n")
    del stack.env["APP_NAME"], stack.env["TEMPLATE_DIR"]
    worker = stack.worker(POSTERN_CONFIG=str(config))
    stack.add()
    wait_for(relay.mails)
    courier = wait_for(lambda: set(children(worker)))
    os.rename(stack.where + "/worker.log", stack.where + "/worker.log.1")
    config.write_text("service:\n  name: After\n"
                      f"  template_dir: {tmp_path}/own\n")
    (templates / "verify.txt").write_text("Subject: {{brand}}\n\nown\n")
    (templates / "verify.html").write_text("own")
    worker.send_signal(signal.SIGHUP)
    wait_for(lambda: os.path.exists(stack.where + "/worker.log"))
    wait_for(lambda: "worker started" in stack.log())
    wait_for(lambda: set(children(worker)) - courier)
    assert not set(children(worker)) & courier
    stack.add()
    wait_for(lambda: len(relay.mails()) == 2)
    assert relay.mails()[0]["Subject"].startswith("Your Before")
    assert relay.mails()[1]["Subject"] == "After"
    assert worker.poll() is None


@pytest.mark.parametrize("fault", [
    "service: {name: After, wrong: 1}", "smtp: {from: nobody}",
    "log: {file: /nonexistent/worker.log}"])
def test_hup_refuses_bad_settings_and_keeps_the_old(stack, tmp_path, fault):
    relay = stack.relay()
    config, said = tmp_path / "postern.yaml", tmp_path / "stderr"
    config.write_text("log: {file: %s/worker.log}\n" % stack.where)
    del stack.env["LOG_FILE"]
    with open(said, "w") as out:
        worker = stack.worker(POSTERN_CONFIG=str(config), stderr=out)
    wait_for(lambda: os.path.exists(stack.where + "/worker.log") and
             "worker started" in stack.log())
    config.write_text(fault + "\n")
    worker.send_signal(signal.SIGHUP)
    word = re.search(r"wrong|from|log.file", fault.replace(
        "log: {file", "log.file"))[0]
    wait_for(lambda: "reload refused" in stack.log())
    for text in (stack.log(), wait_for(said.read_text)):
        line = json.loads([x for x in text.splitlines()
                           if "reload refused" in x][0])
        assert word in line["why"]
    stack.add()
    m, = wait_for(relay.mails)
    assert "Vignette" in m["Subject"] and worker.poll() is None


def test_nothing_of_a_mail_is_logged(stack):
    """Row LO1."""
    relay = stack.relay()
    relay.script("RCPT 550 5.1.1 <user0@example.test> unknown, code 418302")
    stack.add()
    stack.once()
    log = stack.log()
    assert "418302" not in log
    assert "user0@" not in log
    assert "refused with 550" in log
