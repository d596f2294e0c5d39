"""No request has to prepare a struct: the first requests of a server may be concurrent."""

import subprocess
import sys

import pytest

from tests.server import ROOT

pytestmark = [pytest.mark.system, pytest.mark.django_db]


def not_ready(*arguments: str) -> list[str]:
    """The structs that a request would make ready, while others decode them."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.ops.first_decoding", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_all_structs_are_ready_before_the_first_request() -> None:
    assert not_ready() == []


def test_without_the_preparation_a_request_prepares_the_structs() -> None:
    assert "larder.v1.orders.OrderPage" in not_ready("unprepared")
