"""No request has to prepare a struct: the first requests of a server may be concurrent."""

import subprocess
import sys

import pytest

from tests.server import ROOT

pytestmark = [pytest.mark.system, pytest.mark.django_db]


def test_all_structs_are_ready_before_the_first_request() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.ops.first_decoding"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
