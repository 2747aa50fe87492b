"""What one request costs: instructions in user space (callgrind), system calls
(strace), and where the instructions go."""
import os
import re
import subprocess

import parts

TOOLS = ("strace", "valgrind", "vgdb", "callgrind_annotate")
BATCHES, IN_BATCH = 20, 20
FEW, MANY = 100, 300


def light_worker(master):
    """The process that serves, once the master has it."""
    def found():
        return [p for p in parts.children(master)
                if parts.lane(p) == "light"]
    parts.wait_for(found, 60)
    return found()[0]


def ask(path, request, n, keep):
    if keep:
        parts.fcgi_ask_on(path, request, n)
        return
    for _ in range(n):
        parts.fcgi_ask(path, request)


class Callgrind:
    """with Callgrind(stack, words) as c: c.instructions(request)"""

    def __init__(self, stack, words, has_master):
        self.out = f"{stack.dir}/callgrind.out"
        self.dumps = 0
        # valgrind does what the list of system calls forbids, and answers
        # in a child of its process where it may follow it over an exec
        self.process, self.path = parts.serve_single(
            stack, ["valgrind", "--tool=callgrind", "--vgdb-poll=100",
                    "--trace-children=yes",
                    f"--callgrind-out-file={self.out}.%p", *words],
            {"SECCOMP": "false"}, log=f"{stack.dir}/callgrind.log")
        self.pid = light_worker(self.process.pid) if has_master else \
            self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        parts.end(self.process)

    def dump(self):
        """What was counted since the last dump goes to a file: its name."""
        self.dumps += 1
        name = f"{self.out}.{self.pid}.{self.dumps}"
        subprocess.run(["vgdb", f"--pid={self.pid}", "dump"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        parts.wait_for(lambda: total(name) is not None)
        return name

    def instructions(self, request, keep):
        """Of one request, and a dump of IN_BATCH such. The median of many
        short batches: what is done once in a while falls out."""
        ask(self.path, request, IN_BATCH, keep)
        self.dump()
        batches = []
        for _ in range(BATCHES):
            ask(self.path, request, IN_BATCH, keep)
            name = self.dump()
            batches.append((total(name), name))
        count, name = sorted(batches)[BATCHES // 2]
        for _, other in batches:
            if other != name:
                os.unlink(other)
        return count / IN_BATCH, name


def total(dump):
    if not os.path.exists(dump):
        return None
    with open(dump) as text:
        found = re.search(r"^totals: (\d+)", text.read(), re.M)
    return int(found[1]) if found else None


def profile(dump, lines, inclusive):
    """The functions of a dump by their instructions, for one request. Those
    that never return are left out."""
    text = subprocess.run(
        ["callgrind_annotate", f"--inclusive={'yes' if inclusive else 'no'}",
         "--threshold=100", dump], check=True, stdout=subprocess.PIPE,
        text=True).stdout
    rows = [(int(count.replace(",", "")), *name.rpartition(":")[::2])
            for count, name in re.findall(
                r"^ *([\d,]+) \([\d. ]+%\) +(\S+)", text, re.M)]
    rows = [row for row in rows if row[0] < total(dump) * 0.98]
    return "\n".join(
        f"{count / IN_BATCH:9.0f}  {name}  ({os.path.basename(where)})"
        for count, where, name in rows[:lines])


def calls_of_run(stack, words, request, n, keep):
    """The system calls of a whole run: {name: how many}"""
    log = f"{stack.dir}/strace.out"
    if os.path.exists(log):
        os.unlink(log)
    p, path = parts.serve_single(
        stack, ["strace", "-D", "-q", "-c", "-o", log, *words])
    ask(path, request, n, keep)
    parts.end(p)
    parts.wait_for(lambda: os.path.exists(log) and " total\n" in
                   open(log).read())
    with open(log) as text:
        rows = [line.split() for line in text]
    return {r[-1]: int(r[3]) for r in rows if len(r) >= 5 and
            r[3].isdigit() and r[-1] != "total"}


def calls(stack, words, request, keep):
    """Of one request: the difference of two lengths, so that what a start
    costs falls out."""
    few, many = (calls_of_run(stack, words, request, n, keep)
                 for n in (FEW, MANY))
    each = {name: (many[name] - few.get(name, 0)) / (MANY - FEW)
            for name in many}
    return {name: n for name, n in each.items() if n >= 0.05}
