"""Imports the server's entry point, and writes which structs msgspec has not read yet."""

import sys
from contextlib import suppress
from types import FrameType
from typing import Any

import msgspec

from larder.core import structs


def main() -> None:
    import larder.config.asgi  # noqa: F401 - it is what prepares

    for kind in structs.structs():
        if reads_fields(kind):
            sys.stdout.write(f"{kind.__module__}.{kind.__name__}\n")


def reads_fields(kind: type[msgspec.Struct]) -> bool:
    """Whether decoding the struct now makes msgspec read the annotations of a class."""
    read = False

    def note(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal read
        read = read or frame.f_code.co_name == "get_class_annotations"

    sys.setprofile(note)
    with suppress(msgspec.ValidationError):
        msgspec.json.decode(b"null", type=kind)
    sys.setprofile(None)
    return read


if __name__ == "__main__":
    main()
