"""Fixtures of the tests of orders."""

from collections.abc import Callable

import pytest

from tests.conftest import Person

MakePerson = Callable[..., Person]


@pytest.fixture
def clerk(person: MakePerson) -> Person:
    """A member of staff who may confirm orders."""
    return person(is_staff=True, role="owner")
