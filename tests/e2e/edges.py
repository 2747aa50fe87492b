"""Web servers that a test puts in front of the stack's programs itself: those
that ./dev does not run."""
import os
import pwd
import shutil
import socket
import subprocess
import urllib.request

from until import until

MODULES = "/usr/lib/apache2/modules/mod_%s.so"

APACHE = """ServerRoot {place}
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile {place}/pid
ErrorLog {place}/log
DefaultRuntimeDir {place}
{user}{modules}AllowEncodedSlashes NoDecode
<Location />
CGIPassAuth On
Require all granted
</Location>
"""

PROXY = """ProxyPass "/" "unix:{socket}|fcgi://postern/" timeout=30
"""

KEPT = PROXY.replace("timeout=30", "timeout=30 enablereuse=on")

CGI = """ScriptSock {place}/cgid
ScriptAlias / {run}/postern.cgi/
"""

# The program of the stack, one request a process.
FCGID = """FcgidIPCDir {place}
FcgidProcessTableFile {place}/fcgid
FcgidMinProcessesPerClass 8
FcgidIOTimeout 40
FcgidMaxRequestLen 12582912
FcgidInitialEnv POSTERN_SINGLE 1
ScriptAlias / {run}/postern.cgi/
<Location />
SetHandler fcgid-script
</Location>
"""

LIGHTTPD = """server.bind = "127.0.0.1"
server.port = {port}
server.document-root = "{place}"
server.upload-dirs = ("{place}")
server.errorlog = "{place}/log"
server.modules = ("mod_fastcgi")
fastcgi.server = ("/" => ((
	"socket" => "{socket}",
	"check-local" => "disable",
	"fix-root-scriptname" => "enable"
)))
"""

CADDY = """{{
	admin off
	auto_https off
}}
http://127.0.0.1:{port} {{
	reverse_proxy unix/{socket} {{
		transport fastcgi {{
			dial_timeout 2s
			read_timeout 30s
		}}
	}}
}}
"""

# What keeps its connections to the socket.
NGINX = """pid {place}/pid;
error_log {place}/log;
events {{
	worker_connections 512;
}}
http {{
	access_log off;
	client_body_temp_path {place}/body;
	proxy_temp_path {place}/proxy;
	fastcgi_temp_path {place}/fastcgi;
	uwsgi_temp_path {place}/uwsgi;
	scgi_temp_path {place}/scgi;
	upstream postern {{
		server unix:{socket};
		keepalive 8;
	}}
	server {{
		listen 127.0.0.1:{port};
		location / {{
			include /etc/nginx/fastcgi_params;
			fastcgi_pass postern;
			fastcgi_keep_conn on;
			fastcgi_buffer_size 16k;
			fastcgi_buffers 8 16k;
		}}
	}}
}}
"""

HAPROXY = """defaults
	mode http
	timeout connect 2s
	timeout client 30s
	timeout server 30s
frontend f
	bind 127.0.0.1:{port}
	option http-buffer-request
	default_backend b
backend b
	use-fcgi-app postern
	http-reuse always
	server local {socket} proto fcgi
fcgi-app postern
	docroot /
	pass-header authorization
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Edge:
    """kind: a key of the table below; close() ends it."""

    def __init__(self, kind, stack, place):
        self.place = str(place)
        self.port = free_port()
        owner = os.stat(stack["FASTCGI_SOCKET"])
        user = pwd.getpwuid(owner.st_uid).pw_name
        text, modules = {
            "apache-proxy": (APACHE + PROXY, "proxy proxy_fcgi"),
            "apache-cgi": (APACHE + CGI, "alias cgid"),
            "apache-fcgid": (APACHE + FCGID, "alias fcgid"),
            "lighttpd": (LIGHTTPD, ""),
            "caddy": (CADDY, ""),
            "nginx-kept": (NGINX, ""),
            "haproxy-kept": (HAPROXY, ""),
            "apache-kept": (APACHE + KEPT, "proxy proxy_fcgi"),
        }[kind]
        root = os.getuid() == 0
        config = os.path.join(self.place, "config")
        with open(config, "w") as f:
            f.write(text.format(
                place=self.place, port=self.port, run=stack["RUN_DIR"],
                socket=stack["FASTCGI_SOCKET"],
                user=f"User {user}\n" if root else "",
                modules="".join(
                    f"LoadModule {m}_module {MODULES % m}\n" for m in
                    ("mpm_event authz_core " + modules).split())))
        for part in self.place, config:
            shutil.chown(part, owner.st_uid, owner.st_gid)
        command = {
            "apache": ["apache2", "-f", config, "-DFOREGROUND"],
            "lighttpd": ["lighttpd", "-D", "-f", config],
            "caddy": ["caddy", "run", "--adapter", "caddyfile", "--config",
                      config],
            "nginx": ["nginx", "-c", config, "-p", self.place, "-g",
                      "daemon off;"],
            "haproxy": ["haproxy", "-f", config],
        }[kind.split("-")[0]]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(self.place + "/stderr", "w"), cwd=self.place,
            env={**os.environ, "HOME": self.place},
            user=None if "apache" in kind or not root else owner.st_uid)
        until(self.answers, kind + " in front of the stack")

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self.port}"

    def answers(self):
        try:
            with urllib.request.urlopen(self.base_url + "/health") as answer:
                return answer.status == 200
        except OSError:
            return False

    def close(self):
        self.process.terminate()
        self.process.wait(20)
