"""Structs with fields that are declared elsewhere."""

from typing import Annotated

import msgspec
import pytest
from msgspec import Meta, Struct

from larder.core.structs import with_fields


class Strict(Struct, forbid_unknown_fields=True, kw_only=True):
    pass


@with_fields([("name", int), ("colour", str | None, None), ("full", int, 0)], behind="name")
class Jar(Strict):
    """A jar."""

    id: int
    name: Annotated[str, Meta(max_length=3)]
    full: bool = True
    version: int = 1


def test_added_fields_follow_the_named_field_and_declared_fields_keep_their_types() -> None:
    assert Jar.__struct_fields__ == ("id", "name", "colour", "full", "version")
    assert (Jar.__name__, Jar.__doc__, Jar.__module__) == ("Jar", "A jar.", __name__)
    jar = msgspec.convert({"id": 1, "name": "Jam"}, Jar)
    assert msgspec.structs.astuple(jar) == (1, "Jam", None, True, 1)
    for wrong in ({"name": "Jams"}, {"colour": 1}, {"full": 1}, {"more": 1}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"id": 1, "name": "Jam"} | wrong, Jar)
