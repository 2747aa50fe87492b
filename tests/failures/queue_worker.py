"""postern-worker as the stack starts it, but for some settings: once, or to
stay."""
import atexit
import os
import subprocess


def script(settings, more=""):
    with open(os.path.join(os.environ["STATE_DIR"],
                           "services/worker/run")) as f:
        lines = f.read().splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith(". "))
    lines[at + 1:at + 1] = [f"export {k}='{v}'" for k, v in settings.items()]
    return "\n".join(lines).replace("/bin/postern-worker'",
                                    "/bin/postern-worker'" + more)


class Once:
    """It works off what is due."""

    def __init__(self, **settings):
        self.script = script(settings, " --once")
        self.said = ""

    def run(self):
        """The status."""
        done = subprocess.run(["bash", "-c", self.script],
                              stdin=subprocess.DEVNULL, timeout=120,
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE)
        self.said = done.stderr.decode(errors="replace")
        return done.returncode


class Running:
    """It stays until it is stopped; its log goes to a file."""

    def __init__(self, log, **settings):
        with open(log, "ab") as f:
            self.process = subprocess.Popen(
                ["bash", "-c", script(settings)], stdin=subprocess.DEVNULL,
                stdout=f, stderr=f)
        atexit.register(self.process.terminate)

    @property
    def pid(self):
        return self.process.pid

    def ended(self):
        """The status, or None."""
        return self.process.poll()

    def stop(self):
        """Its status."""
        self.process.terminate()
        return self.process.wait(60)
