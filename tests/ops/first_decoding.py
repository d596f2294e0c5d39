"""Sixteen threads decode each struct of the server for the first time, all at once.

Run as a program: without `prepare_decoding` the process ends with a segmentation fault. The
argument `unprepared` takes it out.
"""

import json
import sys
import threading
from contextlib import suppress
from functools import partial

import msgspec

from larder.core import structs

THREADS = 16


def main(arguments: list[str]) -> None:
    if arguments == ["unprepared"]:
        structs.prepare_decoding = lambda: None
    import config.wsgi  # noqa: F401 - it is what prepares

    sys.setswitchinterval(1e-6)
    for kind in structs.structs():
        names = kind.__struct_encode_fields__
        nothing = [None] * len(names) if kind.__struct_config__.array_like else dict.fromkeys(names)
        decode = partial(msgspec.json.decode, json.dumps(nothing).encode(), type=kind)
        decode_at_once(decode)


def decode_at_once(decode: partial[object]) -> None:
    """In all threads; what is missing in the text does not matter."""
    gate = threading.Barrier(THREADS)

    def run() -> None:
        gate.wait()
        with suppress(msgspec.ValidationError):
            decode()

    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()


if __name__ == "__main__":
    main(sys.argv[1:])
