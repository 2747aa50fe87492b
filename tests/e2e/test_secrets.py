"""Settings from a manager of secrets (docs/secrets.md). Rows CF1 and CF2."""
import contextlib
import os
import signal
import subprocess

import pytest

import managers
import test_master
from managers import Manager
from test_hosts import settings
from test_master import Master
from test_worker import make_ca
from until import until

KEY = "f27a9d3c81e5b604d9c87f1ea350b26c"
PASSWORD = "hunter2-of-the-manager"


@pytest.fixture
def manager():
    made = Manager({"JWT_SECRET": KEY, "db_password": PASSWORD, "DB_HOST":
                    "db.test", "DB_PORT": 5433, "smtp.tls": False})
    yield made
    made.close()


def zero(m, **more):
    return {"ZERO_TOKEN": managers.TOKEN, "SECRETS_ZERO_PICK": "postern",
            "SECRETS_ZERO_URL": m.url + "/v1/graphql",
            "SECRETS_PROVIDER": "zero", **more}


def vault(m, **more):
    return {"SECRETS_PROVIDER": "vault", "VAULT_ADDR": m.url,
            "VAULT_TOKEN": managers.VAULT_TOKEN, **more}


def role(m, **more):
    return vault(m, **{"VAULT_TOKEN": "", "VAULT_ROLE_ID": managers.ROLE,
                       "VAULT_SECRET_ID": managers.ROLE_SECRET, **more})


def aws(m, **more):
    return {"SECRETS_PROVIDER": "aws", "AWS_REGION": managers.REGION,
            "AWS_ACCESS_KEY_ID": managers.AWS_ID,
            "AWS_SECRET_ACCESS_KEY": managers.AWS_KEY,
            "SECRETS_AWS_ENDPOINT": m.url, **more}


MANAGERS = pytest.mark.parametrize("how", [zero, vault, role, aws])


def run(stack, program, *words, **env):
    """A program with these settings alone."""
    return subprocess.run(
        [f"{stack['BIN_DIR']}/{program}", *words], capture_output=True,
        text=True, env={"POSTERN_CONFIG": "", **env}, check=False)


def printed(stack, **env):
    return run(stack, "postern", "--print-config", **env)


def refused(stack, *secret, **env):
    """The sentence of a start that is refused, without the secrets."""
    told = printed(stack, **env)
    assert told.returncode, told.stdout
    for one in (KEY, PASSWORD, managers.TOKEN, managers.VAULT_TOKEN,
                managers.ROLE_SECRET, managers.AWS_KEY, *secret):
        assert one not in told.stdout + told.stderr
    return told.stderr


@MANAGERS
def test_a_manager_gives_settings(stack, manager, how):
    told = printed(stack, **how(manager))
    assert told.returncode == 0, told.stderr
    assert 'host: db.test # the manager of secrets' in told.stdout
    assert 'port: 5433 # the manager of secrets' in told.stdout
    assert 'tls: false # the manager of secrets' in told.stdout
    assert told.stdout.count('"(set)" # the manager of secrets') == 2
    assert KEY not in told.stdout and PASSWORD not in told.stdout


def test_the_token_of_a_role_is_given_back(stack, manager):
    assert printed(stack, **role(manager)).returncode == 0
    assert manager.revoked == ["hvs.by-role"]


def test_vaults_namespace_is_named(stack, manager):
    told = printed(stack, VAULT_NAMESPACE="team/a", **vault(manager))
    assert told.returncode == 0 and manager.heads["X-Vault-Namespace"] == \
        "team/a"
    assert printed(stack, **vault(manager)).returncode == 0
    assert "X-Vault-Namespace" not in manager.heads


def test_a_temporary_key_of_aws_has_its_token_signed(stack, manager):
    told = printed(stack, AWS_SESSION_TOKEN="of-a-role", **aws(manager))
    assert told.returncode == 0, told.stderr
    assert manager.heads["X-Amz-Security-Token"] == "of-a-role"
    assert "x-amz-security-token" in manager.heads["Authorization"]


def test_zeros_token_alone_is_enough(stack, manager):
    env = zero(manager)
    del env["SECRETS_PROVIDER"]
    assert printed(stack, **env).returncode == 0
    # What needs no manager asks none; it says so.
    told = run(stack, "postern", "--check", JWT_SECRET=KEY, **env)
    assert told.returncode == 0 and "Zero is not asked" in told.stderr
    assert manager.asked == ["/v1/graphql"]


def test_it_stands_between_environment_and_file(stack, manager, tmp_path):
    """Command line, environment, manager, file, default."""
    path = tmp_path / "postern.yaml"
    path.write_text("database:\n  host: of.file\n  user: of-file\n")
    manager.values.update(DB_NAME="of-manager", REDIS_HOST="of-manager")
    told = run(stack, "postern", "--print-config", "--config", str(path),
               "--set", "redis.host=of-line", DB_NAME="of-environment",
               **zero(manager)).stdout
    assert "host: db.test # the manager" in told
    assert "user: of-file" in told
    assert "name: of-environment" in told
    assert "host: of-line" in told
    warned = run(stack, "postern", "--check", DB_NAME="of-environment",
                 **zero(manager)).stderr
    assert "database.name is given by the manager of secrets too" in warned


@pytest.mark.parametrize("how, wrong, sentence", [
    (zero, {"ZERO_TOKEN": "another-token-than-that"}, "Zero refused"),
    (zero, {"SECRETS_ZERO_PICK": "postern, nothing"}, "no secret nothing"),
    (zero, {"SECRETS_ZERO_PICK": "other"}, "jwt.secret is not set"),
    (vault, {"VAULT_TOKEN": "hvs.another-token"}, "does not let the token"),
    (vault, {"SECRETS_VAULT_PATH": "secret/data/none"}, "nothing at secret/"),
    (vault, {"VAULT_ADDR": ""}, "secrets.vault.address"),
    (role, {"VAULT_SECRET_ID": "another-secret-id"}, "refused the AppRole"),
    (aws, {"AWS_SECRET_ACCESS_KEY": "another-key-than-that"},
     "InvalidSignatureException"),
    (aws, {"SECRETS_AWS_SECRET_ID": "none"}, "ResourceNotFoundException"),
    (aws, {"AWS_REGION": ""}, "secrets.aws.region")])
def test_a_refusal_names_the_setting_never_the_value(stack, manager, how,
                                                     wrong, sentence):
    told = refused(stack, *[v for v in wrong.values() if "another" in v],
                   **{**how(manager), **wrong})
    assert "secret" in told and sentence in told


@MANAGERS
@pytest.mark.parametrize("broken", [403, "big", "rubbish"])
def test_a_broken_manager_stops_the_start(stack, manager, how, broken):
    manager.broken = broken
    assert "secrets.provider" in refused(stack, **how(manager))


def test_a_bad_value_is_named_by_its_key(stack, manager):
    manager.values.update(JWT_SECRET="short-one")
    told = refused(stack, "short-one", **zero(manager))
    assert "jwt.secret (the manager of secrets) is shorter" in told
    manager.values.update(JWT_SECRET=KEY, ZERO_TOKEN="from-the-manager")
    assert "secrets.zero.token cannot come" in refused(
        stack, "from-the-manager", **zero(manager))


def test_one_that_is_away_is_asked_again_until_the_time_is_over(stack,
                                                                manager):
    """And the exit status lets the service manager start it again."""
    manager.fails = 2
    assert printed(stack, **aws(manager)).returncode == 0
    assert len(manager.asked) == 3
    manager.broken = "slow"
    told = printed(stack, SECRETS_TIMEOUT="500ms", **aws(manager))
    assert told.returncode == 75, told.stderr
    assert "secrets.provider" in told.stderr


def test_tls_is_verified(stack, manager, tmp_path):
    """And plain HTTP leaves no host."""
    ca, cert, key = make_ca(tmp_path)
    tls = Manager(manager.values, (cert, key))
    with contextlib.closing(tls):
        assert "it cannot be asked" in refused(stack, **vault(tls))
        told = printed(stack, SECRETS_CA_FILE=ca, **vault(tls))
        assert told.returncode == 0, told.stderr
    assert "must begin with https://" in refused(
        stack, **{**vault(manager), "VAULT_ADDR": "http://vault.test:8200"})


def program(tmp_path, text):
    path = tmp_path / "give"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return str(path)


def command(tmp_path, text, words=""):
    return {"SECRETS_PROVIDER": "command", "SECRETS_COMMAND":
            program(tmp_path, text) + words}


def test_a_command_gives_settings(stack, tmp_path):
    """In lines or as JSON; no shell reads its words."""
    told = printed(stack, **command(
        tmp_path, 'echo "# a comment"; echo "export JWT_SECRET=' + KEY +
        '"; echo "APP_NAME=$1 $2"', "  $HOME ;reboot"))
    assert told.returncode == 0, told.stderr
    assert 'name: "$HOME ;reboot" # the manager of secrets' in told.stdout
    told = printed(stack, **command(
        tmp_path, 'echo \'{"JWT_SECRET": "' + KEY + '", "else": {}}\''))
    assert told.returncode == 0, told.stderr


@pytest.mark.parametrize("text, sentence", [
    ("echo " + PASSWORD + "; exit 3", "ended with status 3"),
    ("sleep 9 & sleep 9", "did not answer in time"),
    ("exec >&-; sleep 9", "did not end in time"),
    ("yes " + PASSWORD, "answered too much"),
    ("echo " + PASSWORD, "line 1 of what the manager"),
    ("echo '{\"a\": " + PASSWORD + "'", "JSON that is not"),
    ("kill -9 $$", "was ended by a signal")])
def test_a_command_that_fails_stops_the_start(stack, tmp_path, text,
                                              sentence):
    assert sentence in refused(stack, SECRETS_TIMEOUT="500ms",
                               **command(tmp_path, text))


def test_a_command_gets_no_descriptor_of_ours(stack, tmp_path):
    told = printed(stack, **command(
        tmp_path, "echo JWT_SECRET=" + KEY + "; echo \"APP_NAME=$(cd "
        "/proc/self/fd && echo [3-9]*)\""))
    assert 'name: "[3-9]*"' in told.stdout or "name: 3 " in told.stdout


def test_plain_cgi_asks_no_manager(stack, manager):
    """Each request would: it is refused with a sentence."""
    told = run(stack, "postern", GATEWAY_INTERFACE="CGI/1.1",
               REQUEST_METHOD="GET", REQUEST_URI="/health", SCRIPT_NAME="",
               **zero(manager))
    assert told.stdout.startswith("Status: 500")
    assert "plain CGI" in told.stderr and manager.asked == []


@contextlib.contextmanager
def worker(env, stack, place):
    path = place / "log"
    with open(path, "w", encoding="utf-8") as log, subprocess.Popen(
            [stack["BIN_DIR"] + "/postern-worker"], stderr=log,
            env={**env, "LOG_FILE": "", "RUNTIME_DIR": str(place)}) as made:
        try:
            yield made, path.read_text
        finally:
            made.terminate()


@pytest.fixture
def env(stack, manager):
    """The stack's own settings; the manager gives what no other source does."""
    manager.values = {"APP_NAME": "First"}
    env = {**settings(stack), **zero(manager)}
    env.pop("APP_NAME", None)
    return env


def test_a_reload_asks_once_and_a_lost_manager_stops_nothing(
        stack, manager, env, tmp_path, monkeypatch):
    monkeypatch.setattr(test_master, "program",
                        lambda: stack["BIN_DIR"] + "/postern")
    with contextlib.ExitStack() as stop:
        master = Master(tmp_path, env={**env, "RUNTIME_DIR": str(tmp_path),
                                       "LOG_FILE": "", "WORKERS": "1"})
        stop.callback(master.stop)
        assert len(manager.asked) == 1
        assert '"First"' in master.ask("/health")[1]
        manager.values["APP_NAME"] = "Second"
        os.kill(master.pid, signal.SIGHUP)
        until(lambda: master.said("ready") == 2)
        assert len(manager.asked) == 2  # the check and the new program
        until(lambda: '"Second"' in master.ask("/health")[1])
        manager.broken = 403
        os.kill(master.pid, signal.SIGHUP)
        until(lambda: master.said("reload refused"))
        assert '"Second"' in master.ask("/health")[1]
        held = [os.readlink(f"/proc/{master.pid}/fd/{fd}")
                for fd in os.listdir(f"/proc/{master.pid}/fd")]
        assert not any("memfd:answer" in one for one in held)
        with open(master.log, encoding="utf-8") as log:
            assert managers.TOKEN not in log.read()


def test_the_worker_asks_again_though_it_may_run_nothing(
        stack, manager, env, tmp_path):
    with worker(env, stack, tmp_path) as (process, log):
        until(lambda: "worker started" in log())
        assert len(manager.asked) == 1
        os.kill(process.pid, signal.SIGHUP)
        until(lambda: "takes new settings" in log())
        assert len(manager.asked) == 2
        manager.broken = 403
        os.kill(process.pid, signal.SIGHUP)
        until(lambda: "reload refused" in log())
        assert process.poll() is None


def test_posternctl_asks_too(stack, manager):
    env = {**settings(stack), **zero(manager)}
    told = run(stack, "posternctl", "check-config", **env)
    assert told.returncode == 0, told.stdout + told.stderr
    manager.broken = 403
    told = run(stack, "posternctl", "check-config", **env)
    assert told.returncode and "secrets.provider" in \
        told.stdout + told.stderr
