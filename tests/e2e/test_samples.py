"""The samples of conf/: each passes its own server's check where it says that
it goes, and shows nothing of what it runs."""
import glob
import os
import re
import shutil
import signal
import subprocess
import urllib.error
import urllib.request

import pytest

from test_worker import TOP, free_port, program, wait_for

CONF = TOP + "/conf/"


def check(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    assert done.returncode == 0, (command, done.stdout + done.stderr)
    return done.stdout + done.stderr


def write(path, text):
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("kept", [False, True])
def test_nginx_takes_its_sample_in_a_server_block(tmp_path, kept):
    """As it is, and with kept connections as it says."""
    shutil.copy("/etc/nginx/fastcgi_params", tmp_path)
    with open(CONF + "nginx.conf") as f:
        text = f.read()
    if kept:
        text = text.replace("fastcgi_pass unix:/run/postern/postern.sock;",
                            "fastcgi_pass postern; fastcgi_keep_conn on;")
        assert text.count("fastcgi_pass postern;") == 3
    main = write(tmp_path / "nginx.conf", f"""
        pid {tmp_path}/pid; error_log stderr;
        events {{}}
        http {{ access_log off;
        {f"include {CONF}nginx-keepalive.conf;" if kept else ""}
        server {{
            listen 127.0.0.1:{free_port()};
            include {write(tmp_path / "sample", text)};
        }} }}""")
    check("/usr/sbin/nginx", "-t", "-q", "-c", main, "-p", str(tmp_path))


MODULES = "mpm_event authz_core alias proxy proxy_fcgi fcgid cgid env"


def apache(tmp_path, sample):
    """A server with this sample in a virtual host; its file."""
    modules = "".join(
        f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so\n"
        for m in MODULES.split())
    return write(tmp_path / "apache.conf", f"""
ServerRoot {tmp_path}
ServerName localhost
DefaultRuntimeDir {tmp_path}
PidFile {tmp_path}/pid
ErrorLog {tmp_path}/error.log
{modules}
ScriptSock {tmp_path}/cgid
Listen 127.0.0.1:{free_port()}
FcgidSpawnScoreUpLimit 40
<VirtualHost *>
Include {sample}
</VirtualHost>
""")


@pytest.mark.parametrize("sample", [
    os.path.basename(f) for f in sorted(glob.glob(CONF + "apache*.conf"))])
def test_apache_takes_each_sample_in_a_virtual_host(tmp_path, sample):
    main = apache(tmp_path, CONF + sample)
    assert "Syntax OK" in check("/usr/sbin/apache2", "-t", "-f", main)


# As Debian's file with its fastcgi-php and javascript-alias enabled, which add
# to lists that a sample adds to as well.
LIGHTTPD = """
server.modules = ("mod_access", "mod_alias", "mod_redirect", "mod_fastcgi")
server.document-root = "{0}"
server.port = {1}
server.bind = "127.0.0.1"
static-file.exclude-extensions = (".php", ".pl", ".fcgi")
alias.url += ("/javascript" => "/usr/share/javascript")
fastcgi.server += (".php" => (("socket" => "{0}/php.sock")))
{2}
server.modules += ("mod_dirlisting", "mod_staticfile")
{3}
"""


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("sample", [
    os.path.basename(f) for f in sorted(glob.glob(CONF + "lighttpd*.conf"))])
def test_lighttpd_takes_each_sample_wherever_it_is_included(tmp_path, sample,
                                                            last):
    """In conf-enabled, and at the end of Debian's file."""
    line = f'include "{CONF}{sample}"'
    main = write(tmp_path / "lighttpd.conf", LIGHTTPD.format(
        tmp_path, free_port(), "" if last else line, line if last else ""))
    said = check("/usr/sbin/lighttpd", "-tt", "-f", main)
    assert "warning" not in said.lower(), said


def test_caddy_takes_its_sample(tmp_path):
    env = dict(os.environ, HOME=str(tmp_path), XDG_DATA_HOME=str(tmp_path),
               XDG_CONFIG_HOME=str(tmp_path))
    done = subprocess.run(
        ["/usr/bin/caddy", "validate", "--adapter", "caddyfile", "--config",
         CONF + "Caddyfile"], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_haproxy_takes_its_sample_behind_debians_file(tmp_path):
    check("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
          "/CN=auth.example.org", "-days", "2", "-keyout",
          f"{tmp_path}/key", "-out", f"{tmp_path}/crt")
    pem = write(tmp_path / "pem", (tmp_path / "crt").read_text() +
                (tmp_path / "key").read_text())
    with open(CONF + "haproxy.cfg") as f:
        sample = f.read()
    ours = sample.replace("/etc/haproxy/certs/auth.example.org.pem", pem)
    assert ours != sample
    check("/usr/sbin/haproxy", "-c", "-f", "/etc/haproxy/haproxy.cfg", "-f",
          write(tmp_path / "postern.cfg", ours))


def placed(tmp_path, sample, config):
    """The sample with our program and configuration in the usual places."""
    with open(CONF + sample) as f:
        text = f.read()
    binary = str(tmp_path / "bin" / "postern")
    ours = text.replace("/usr/local/bin/postern", binary).replace(
        "/etc/postern/postern.yaml", config)
    assert ours.count(binary) and ours.count(config)
    return write(tmp_path / "sample.conf", ours)


@pytest.fixture
def placed_program(tmp_path):
    """Where anybody can start it, with a configuration that is enough."""
    for path in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        path.chmod(0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "run").mkdir()
    shutil.copy(program("postern"), tmp_path / "bin" / "postern")
    (tmp_path / "postern.yaml").touch(0o600)
    return write(tmp_path / "postern.yaml", f"""
jwt: {{secret: kq3VY0pZ7mD1xw9RfB6tLs2eHc8uNj4aGoPiXyTz}}
service: {{runtime_dir: {tmp_path}/run, name: Sampled}}
log: {{file: {tmp_path}/postern.log}}
""")


def answers(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as got:
            return got.status, got.read()
    except urllib.error.HTTPError as got:
        return got.code, got.read()
    except OSError:
        return None


class Server:
    def __init__(self, port, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        self.port = port

    def get(self, path):
        return wait_for(lambda: answers(self.port, path))

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


@pytest.mark.parametrize("last", [False, True])
def test_lighttpd_never_shows_what_it_should_run(tmp_path, placed_program,
                                                 last):
    """Included at the end of Debian's file it stands behind mod_staticfile."""
    line = f'include "{placed(tmp_path, "lighttpd-cgi.conf", placed_program)}"'
    port = free_port()
    main = write(tmp_path / "lighttpd.conf", LIGHTTPD.format(
        tmp_path, port, "" if last else line, line if last else ""))
    with Server(port, "/usr/sbin/lighttpd", "-D", "-f", main) as server:
        for path in ("/", "/postern", "/api/v1/nothing"):
            status, body = server.get(path)
            assert status == 404 and b'"success":false' in body, (path, body)
        status, body = server.get("/info")
        assert status == 200 and b"Sampled" in body


@pytest.mark.parametrize("sample", ["apache-fcgid.conf", "apache-cgi.conf"])
def test_apache_runs_the_program_itself(tmp_path, placed_program, sample):
    """Without a script: the environment of the sample says how."""
    main = apache(tmp_path, placed(tmp_path, sample, placed_program))
    with open(main) as f:
        port = re.search(r"Listen 127.0.0.1:(\d+)", f.read())[1]
    if os.geteuid() == 0:
        for directory, _, files in os.walk(tmp_path):
            for path in [directory, *(directory + "/" + n for n in files)]:
                shutil.chown(path, "www-data", "www-data")
    with Server(port, *(["setpriv", "--reuid=www-data", "--regid=www-data",
                         "--clear-groups"] if os.geteuid() == 0 else []),
                "/usr/sbin/apache2", "-DFOREGROUND", "-f", main) as server:
        status, body = server.get("/info")
        assert status == 200 and b"Sampled" in body
        assert server.get("/nothing")[0] == 404


def test_no_sample_has_a_script_around_the_program():
    """What a server shows by mistake then holds no secret of an operator."""
    for name in os.listdir(CONF):
        if os.path.isfile(CONF + name):
            with open(CONF + name) as f:
                text = f.read()
            assert "#!" not in text and "postern.cgi" not in text, name


UNITS = ("postern.socket postern.service postern-worker.service "
         "postern-grpc.service").split()


@pytest.fixture
def units(tmp_path):
    os.symlink(program("postern"), tmp_path / "postern")
    os.symlink(program("postern-worker"), tmp_path / "postern-worker")
    os.symlink(program("postern-grpc"), tmp_path / "postern-grpc")
    made = []
    for name in UNITS:
        with open(CONF + f"systemd/{name}.in") as f:
            text = f.read()
        for word, place in (("bindir", tmp_path), ("docdir", tmp_path),
                            ("sysconfdir", "/etc")):
            text = text.replace(f"@{word}@", str(place))
        made.append(write(tmp_path / name, text))
    return made


def test_systemd_has_nothing_to_say_about_the_units(units):
    said = check("systemd-analyze", "verify", "--man=no", *units)
    # What else this machine has is not ours.
    assert not [x for x in said.splitlines() if "postern" in x], said


def test_services_reload_and_do_not_start_again_what_is_refused(units):
    for path in units[1:]:
        with open(path) as f:
            lines = f.read().splitlines()
        for line in ("ExecReload=/bin/kill -HUP $MAINPID",
                     "RestartPreventExitStatus=78", "LogsDirectory=postern"):
            assert line in lines, (path, line)
