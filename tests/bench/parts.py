"""What the bench runs and asks: the stack of ./dev, one nginx in front of
Postern and of the trivial program, load, FastCGI and CGI by hand."""
import json
import os
import resource
import shlex
import signal
import socket
import statistics
import struct
import subprocess
import time
import urllib.request

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

NGINX = """
{user}
worker_processes 2;
pid {dir}/nginx.pid;
error_log {dir}/nginx.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    server_tokens off;
    keepalive_requests 1000000;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    fastcgi_buffer_size 16k;
    fastcgi_buffers 8 16k;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location / {{
            fastcgi_param HTTP_PROXY "";
            include /etc/nginx/fastcgi_params;
            fastcgi_pass unix:{postern};
        }}
    }}
    upstream kept {{
        server unix:{postern};
        keepalive 32;
    }}
    server {{
        listen 127.0.0.1:{kept_port} backlog=1024;
        location / {{
            fastcgi_param HTTP_PROXY "";
            include /etc/nginx/fastcgi_params;
            fastcgi_pass kept;
            fastcgi_keep_conn on;
        }}
    }}
    server {{
        listen 127.0.0.1:{trivial_port} backlog=1024;
        location / {{
            fastcgi_param HTTP_PROXY "";
            include /etc/nginx/fastcgi_params;
            fastcgi_pass unix:{trivial};
        }}
    }}
}}
"""


def listening(path):
    if os.path.exists(path):
        os.unlink(path)
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.bind(path)
    s.listen(1024)
    return s


class Stack:
    """./dev up, and beside it nginx and the trivial program."""

    def __init__(self, state, port):
        self.state, self.port, self.dir = state, port, f"{state}/bench"
        build = os.environ.get("POSTERN_DEV_BUILD", f"{state}/build")
        self.bin = f"{build}/tests/bench"
        self.door = port  # of the nginx that post() asks
        self.own = []

    def dev(self, *words, **settings):
        env = {**os.environ, "POSTERN_DEV_DIR": self.state,
               "PORT": str(self.port), "WEB": "nginx", **settings}
        return subprocess.run([f"{ROOT}/dev", *words], env=env, check=True,
                              stdout=subprocess.PIPE, text=True).stdout

    def up(self, **settings):
        self.dev("up", **settings)
        lines = self.dev("env").splitlines()
        self.env = dict(line.split("=", 1) for line in lines)
        out = subprocess.run(
            ["bash", "-c", f". {shlex.quote(self.state)}/env.sh; env -0"],
            env={}, check=True, stdout=subprocess.PIPE, text=True).stdout
        self.settings = dict(
            line.split("=", 1) for line in out.split("\0") if "=" in line)
        # Shared memory is believed by its owner alone, and the service may
        # be another user's: what the bench starts has its own.
        self.settings["RUNTIME_DIR"] = f"{self.dir}/runtime"
        self.postern = f"{self.env['BIN_DIR']}/postern"

    def front(self, workers):
        """nginx and the trivial program; once, they stay over up()."""
        os.makedirs(self.dir, exist_ok=True)
        sock = f"{self.dir}/trivial.sock"
        with listening(sock) as s:
            self.own.append(subprocess.Popen(
                [f"{self.bin}/trivial", str(workers)], stdin=s,
                start_new_session=True))
        conf = NGINX.format(
            user="user root;" if os.getuid() == 0 else "", dir=self.dir,
            port=self.port + 1, trivial_port=self.port + 2,
            kept_port=self.port + 6,
            postern=self.env["FASTCGI_SOCKET"], trivial=sock)
        with open(f"{self.dir}/nginx.conf", "w") as f:
            f.write(conf)
        self.own.append(subprocess.Popen(
            ["nginx", "-c", f"{self.dir}/nginx.conf", "-p", self.dir,
             "-e", f"{self.dir}/nginx.log", "-g", "daemon off;"],
            start_new_session=True))
        self.door = self.port + 1
        wait_for(lambda: self.post("/health/live", None))
        if any(p.poll() is not None for p in self.own):
            raise SystemExit(f"see {self.dir}/nginx.log")

    def down(self):
        for p in self.own:
            if p.poll() is None:
                os.killpg(p.pid, signal.SIGTERM)
                p.wait()
        self.dev("down")

    def post(self, path, body, token=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        r = urllib.request.Request(
            f"http://127.0.0.1:{self.door}{path}", data, headers)
        with urllib.request.urlopen(r, timeout=10) as answer:
            return json.load(answer)

    def load(self, path="/", token=None, seconds=3, connections=16, rate=0,
             bodies=None, trivial=False, kept=False, wait=True):
        words = [f"{self.bin}/load", "-s", str(seconds), "-c",
                 str(connections)]
        if rate:
            words += ["-r", str(rate)]
        if token:
            words += ["-H", f"Authorization: Bearer {token}"]
        if bodies:
            words += ["-b", bodies]
        words += [str(self.port + (2 if trivial else 6 if kept else 1)),
                  path]
        p = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        return finish(p) if wait else p


def finish(load):
    out, _ = load.communicate()
    if load.returncode != 0:
        raise SystemExit("load failed")
    return json.loads(out)


class Sink:
    """with Sink(stack, port, on_disk) as sink: ...; then sink.said"""

    def __init__(self, stack, port, on_disk):
        words = [f"{stack.bin}/smtpsink"]
        self.path = f"{stack.dir}/sink"
        if on_disk:
            words += ["-s", self.path]
        self.process = subprocess.Popen(words + [str(port)], text=True,
                                        stdout=subprocess.PIPE)
        if self.process.stdout.readline() != "ready\n":
            raise SystemExit("no SMTP sink")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.said = finish(self.process)
        self.said["per_second"] = \
            self.said["messages"] / (self.said["seconds"] or 1)
        if os.path.exists(self.path):
            os.unlink(self.path)


def wait_for(ready, seconds=20):
    end = time.monotonic() + seconds
    while True:
        try:
            if ready():
                return
        except OSError:
            pass
        if time.monotonic() > end:
            raise SystemExit("not ready in time")
        time.sleep(0.05)


# One request by hand: FastCGI 1.0, responder, connection per request.

def params_of(path, token=None, **more):
    p = {"REQUEST_METHOD": "GET", "REQUEST_URI": path, "QUERY_STRING": "",
         "SCRIPT_NAME": path, "SERVER_PROTOCOL": "HTTP/1.1",
         "REMOTE_ADDR": "127.0.0.1", "SERVER_NAME": "localhost",
         "SERVER_PORT": "80", "GATEWAY_INTERFACE": "CGI/1.1",
         "HTTP_HOST": "127.0.0.1", "HTTP_USER_AGENT": "bench"}
    if token:
        p["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return {**p, **more}


def record(kind, body):
    return struct.pack(">BBHHBx", 1, kind, 1, len(body), 0) + body


def length(text):
    """In one byte where it fits, as web servers write it."""
    n = len(text)
    return bytes([n]) if n < 128 else struct.pack(">I", n | 1 << 31)


def fcgi_bytes(params, keep=False, body=b""):
    if body:
        params = {**params, "REQUEST_METHOD": "POST",
                  "CONTENT_TYPE": "application/json",
                  "CONTENT_LENGTH": str(len(body))}
    pairs = b""
    for k, v in params.items():
        pairs += length(k) + length(v) + k.encode() + v.encode()
    return (record(1, struct.pack(">HB5x", 1, keep)) + record(4, pairs) +
            record(4, b"") + (record(5, body) if body else b"") +
            record(5, b""))


def fcgi_ask(path, request):
    """The answer's records as they come, to the end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(60)
        s.connect(path)
        s.sendall(request)
        got = b""
        while chunk := s.recv(65536):
            got += chunk
    return got


def fcgi_ask_on(path, request, n):
    """The same request n times over one connection that is kept."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(60)
        s.connect(path)
        for _ in range(n):
            s.sendall(request)
            kind = 0
            while kind != 3:  # FCGI_END_REQUEST
                _, kind, _, size, padding, _ = struct.unpack(
                    ">BBHHBB", s.recv(8, socket.MSG_WAITALL))
                if size + padding:
                    s.recv(size + padding, socket.MSG_WAITALL)


def serve_single(stack, words, extra=(), log=None):
    """Start words with a socket on descriptor 0: (process, socket path)."""
    path = f"{stack.dir}/single.sock"
    env = {**stack.settings, **dict(extra)}
    with listening(path) as s, open(log or os.devnull, "w") as err:
        return subprocess.Popen(words, stdin=s, stdout=err, stderr=err,
                                env=env), path


def end(process):
    process.send_signal(signal.SIGTERM)
    process.wait(60)


def pss_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        for line in f:
            if line.startswith("Pss:"):
                return int(line.split()[1])
    raise OSError("no Pss line")


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(word) for word in f.read().split()]


def lane(pid):
    """"light" or "heavy", as a worker is named."""
    with open(f"/proc/{pid}/comm") as f:
        return f.read().strip().rpartition("-")[2]


def cpu_us(pid):
    """User and system time of a process."""
    with open(f"/proc/{pid}/stat") as f:
        words = f.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) * 1e6 / os.sysconf("SC_CLK_TCK")


def cpu_us_of_children():
    """Of all that ended and were waited for."""
    r = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (r.ru_utime + r.ru_stime) * 1e6


def median(values):
    return statistics.median(values)
