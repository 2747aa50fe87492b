"""Waiting for what happens elsewhere."""
import time


def until(what, name=None, seconds=30):
    """What `what` returns as soon as that is true."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        assert time.monotonic() < end, f"did not happen: {name or what}"
        time.sleep(0.02)
