"""Between a program and a Unix socket it talks to: late, silent, or repeating
itself, as a network is."""
import contextlib
import socket
import threading
import time


class Relay:
    """What arrives at path goes to the socket at `to`, and back."""

    def __init__(self, path, to):
        self.path, self.to = str(path), str(to)
        self.delay = 0      # seconds for which each answer is held back
        self.silent = False  # nothing passes; nobody is told
        self.ended = False
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(64)
        self.start(self.accept)

    @staticmethod
    def start(what, *args):
        threading.Thread(target=what, args=args, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self.to)
                self.start(self.carry, near, far, False)
                self.start(self.carry, far, near, True)

    def carry(self, source, sink, answers):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if answers and self.delay:
                    time.sleep(self.delay)
                while self.silent and not self.ended:
                    time.sleep(0.01)
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.ended = True
        self.listener.close()
