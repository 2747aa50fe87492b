"""The file through which wrap.c is told which call fails."""
import mmap
import struct
import subprocess

HEAD = struct.Struct("<IIIIQI")
FUNCTIONS, NAME = 64, 32
OFF, ALL, CHILDREN = 0, 1, 2

# What ends a process, as it should: STYLE.md, "An allocation never fails".
MEMORY = {"malloc", "calloc", "realloc", "reallocarray", "strdup",
          "crypto_pwhash_str_alg", "curl_easy_init", "curl_multi_init",
          "curl_slist_append"}


class Control:
    """Of one program, which has started."""

    def __init__(self, run, program, binary):
        self.binary = binary
        with open(f"{run}/{program}.failures", "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 0)
        raw = self.map[HEAD.size + 4 * FUNCTIONS:]
        names = (raw[i * NAME:(i + 1) * NAME].split(b"\0")[0].decode()
                 for i in range(FUNCTIONS))
        self.names = [n for n in names if n]
        self.off()

    def write(self, on, which=0, nth=0):
        # Off while the rest changes, and on in a write of its own.
        self.map[:4] = struct.pack("<I", OFF)
        size = HEAD.size + 4 * FUNCTIONS
        self.map[4:size] = struct.pack("<IIIQI", which, nth, 0, 0, 0) + \
            bytes(4 * FUNCTIONS)
        self.map[:4] = struct.pack("<I", on)

    def count(self, whom):
        self.write(whom)

    def fail(self, whom, name, nth):
        self.write(whom, self.names.index(name), nth)

    def off(self):
        """The number of calls that failed since."""
        self.map[:4] = struct.pack("<I", OFF)
        return HEAD.unpack(self.map[:HEAD.size])[3]

    @property
    def calls(self):
        """name -> how often it was called since."""
        counts = struct.unpack(f"<{FUNCTIONS}I", self.map[
            HEAD.size:HEAD.size + 4 * FUNCTIONS])
        return {n: c for n, c in zip(self.names, counts) if c}

    @property
    def at(self):
        """Where the call that failed stands in the program."""
        return HEAD.unpack(self.map[:HEAD.size])[4]

    @property
    def pid(self):
        """The process whose call failed."""
        return HEAD.unpack(self.map[:HEAD.size])[5]

    def line(self, at):
        """Its function, file and line."""
        done = subprocess.run(["addr2line", "-spfe", self.binary,
                               hex(at - 1)], capture_output=True, text=True)
        return done.stdout.strip() or hex(at)
