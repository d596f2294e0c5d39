"""`python manage.py test`: runs pytest, for those who know Django's command."""

import os
import re
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from tests.database import ROOT

__all__ = ["PytestRunner", "environment"]

WITHOUT_SERVERS = ("--ignore", "tests/system", "-m", "not system and not slow")
"""As `make test` has it."""


class PytestRunner:
    """Django's test runner (TEST_RUNNER). Labels are paths, as pytest takes them."""

    def __init__(self, *, failfast: bool = False, verbosity: int = 1, **ignored: Any) -> None:
        """Ignore what pytest and tests/database.py decide, such as `--noinput` and `--keepdb`."""
        self.options = ["-x"] if failfast else []
        if verbosity > 1:
            self.options.append("-v")

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Accept the options that the earlier READMEs name, and no more."""
        parser.add_argument("--keepdb", action="store_true", help="Ignored.")

    def run_tests(self, test_labels: Sequence[str], **ignored: Any) -> int:
        """Run the tests in a separate process, with a separate database and default settings.
        Return 1 if one failed, 0 otherwise."""
        command = [sys.executable, "-m", "pytest", "-n", "2", *self.options]
        chosen = [*test_labels] or [*WITHOUT_SERVERS]
        return min(
            subprocess.run([*command, *chosen], env=environment(), check=False).returncode, 1
        )


def environment() -> dict[str, str]:
    """Return the environment without the settings of Larder."""
    text = (ROOT / ".env.example").read_text()
    settings = set(re.findall(r"^(?:# )?([A-Z_]+)=", text, re.MULTILINE))
    return {
        name: value
        for name, value in os.environ.items()
        if name.removesuffix("_FILE") not in settings | {"DJANGO_SETTINGS_MODULE"}
    }
