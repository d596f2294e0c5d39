"""Never ends."""

import signal


def decode(content: bytes) -> bytes:
    signal.alarm(0)
    while True:
        pass
