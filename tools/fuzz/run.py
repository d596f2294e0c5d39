"""One run of schemathesis: one document, in one role."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from tools.terminal import say

ROOT = Path(__file__).resolve().parents[2]
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "strangers_get_nothing",
)


@dataclass(frozen=True)
class Run:
    """`folder` holds the document; `environment` is that of the shop at `base_url`."""

    document: str
    role: str
    folder: Path
    base_url: str
    environment: Mapping[str, str]

    def play(self, options: argparse.Namespace) -> bool:
        """Whether anything was found, which is then printed. Ends by itself."""
        started = time.monotonic()
        own = {
            "SCHEMATHESIS_HOOKS": "tools.fuzz.hooks",
            "FUZZ_DOCUMENT": self.document,
            "FUZZ_ROLE": self.role,
            "FUZZ_BASE_URL": self.base_url,
            "FUZZ_ANSWERS": str(self._answers),
            "PYTHONPATH": str(ROOT),
        }
        done = subprocess.run(
            self._command(options),
            env={**self.environment, **own},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        found = done.returncode != 0
        verdict = "NOT as documented" if found else "as documented"
        seconds = time.monotonic() - started
        say(f"{self.document:<10} {self.role:<9} {verdict} ({self._count()}, {seconds:.0f} s)")
        if found:
            say(done.stdout + done.stderr)
        return found

    def _command(self, options: argparse.Namespace) -> list[str]:
        limit = ["--max-time", str(options.seconds)] if options.seconds else []
        document = str(self.folder / f"{self.document}.json")
        # The documents of the earlier contracts do not name their refusals.
        checks = CHECKS if self.document == "v1" else ("not_a_server_error",)
        return [
            *(sys.executable, "-m", "schemathesis.cli", "run", document, "--url", self.base_url),
            *("--checks", ",".join(checks), "--phases", ",".join(options.phases), *limit),
            *("--max-examples", str(options.examples), "--seed", str(options.seed)),
            *("--generation-database", "none", "--generation-with-security-parameters", "false"),
            *("--suppress-health-check", "all", "--max-redirects", "0", "--request-timeout", "30"),
            *("--warnings", "off", "--no-color", "--continue-on-failure"),
        ]

    @property
    def _answers(self) -> Path:
        return self.folder / f"{self.document}-{self.role}-answers.json"

    def _rows(self) -> list[tuple[str, int, int]]:
        """Operation, status, how often."""
        if not self._answers.exists():
            return []
        rows: list[tuple[str, int, int]] = json.loads(self._answers.read_text("utf-8"))
        return rows

    def _count(self) -> str:
        return f"{sum(number for _, _, number in self._rows())} answers"

    def asked(self) -> Iterator[tuple[str, str]]:
        """Every operation, with its document, that got an answer."""
        for operation, _, _ in self._rows():
            yield self.document, operation

    def succeeded(self) -> Iterator[tuple[str, str]]:
        """Those that did what they are for."""
        for operation, status, _ in self._rows():
            if status < HTTPStatus.MULTIPLE_CHOICES:
                yield self.document, operation
