"""What the programs say while their libraries fail: their log and the
reports of the sanitizers."""
import glob
import json
import os


class Watch:
    def __init__(self, state, reports):
        self.reports = reports
        self.logs = {}
        for name in ("master", "worker"):
            path = f"{state}/log/{name}.log"
            self.logs[name] = open(path, encoding="utf-8", errors="replace")
            self.logs[name].seek(0, os.SEEK_END)
        self.seen = set()

    def lines(self, name):
        """New lines of a log, those of JSON."""
        for line in self.logs[name]:
            try:
                yield json.loads(line)
            except ValueError:
                pass

    def ends(self):
        """How web processes ended since: (pid, "status", 70)."""
        return [(line["worker"], k, line[k]) for line in self.lines("master")
                if line.get("msg") == "worker ended"
                for k in ("status", "signal") if k in line]

    def children(self):
        """How processes of the queue worker ended since: ("status", 70)."""
        return [(k, line[k]) for line in self.lines("worker")
                if line.get("msg") == "a process of the worker died"
                for k in ("status", "signal") if k in line]

    def sanitizers(self):
        """Reports that are new, each the lines that name it."""
        found = []
        for path in glob.glob(self.reports + "*"):
            if path in self.seen:
                continue
            self.seen.add(path)
            with open(path, errors="replace") as f:
                found.append(" | ".join(f.read().split("\n")[:14]))
        return found
