"""A real Prometheus with the deployed configuration, for the duration of a test."""

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.server import ROOT
from tests.tiers import LONGEST
from tools.processes import free_port

PROMETHEUS = ROOT / "deploy" / "prometheus"

NEEDED = pytest.mark.skipif(
    shutil.which("prometheus") is None and not os.environ.get("CI"),
    reason="needs Prometheus: apt-get install prometheus",
)


@dataclass(frozen=True, slots=True)
class Prometheus:
    """Asked through its HTTP API."""

    url: str

    def get(self, path: str, **query: str) -> Any:
        """The `data` of an answer. Raises AssertionError with what Prometheus said against it."""
        address = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            raise AssertionError(refused.read().decode()) from refused

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What an expression is now: its series, with their labels and values."""
        results: list[dict[str, Any]] = self.get("query", query=expression)["result"]
        return results


@contextmanager
def prometheus(folder: Path, *, targets: list[str], token: str) -> Iterator[Prometheus]:
    """Scrapes and evaluates every second instead of every fifteen; all else is as deployed."""
    config = folder / "prometheus"
    shutil.copytree(ROOT / "deploy" / "prometheus", config)
    main = config / "prometheus.yml"
    deployed = yaml.safe_load(main.read_text())
    deployed["global"] = dict.fromkeys(deployed["global"], "1s")
    (larder,) = [job for job in deployed["scrape_configs"] if job["job_name"] == "larder"]
    larder["authorization"]["credentials_file"] = "metrics_token"
    larder["static_configs"] = [{"targets": targets}]
    main.write_text(yaml.safe_dump(deployed | {"scrape_configs": [larder]}))
    (config / "metrics_token").write_text(token)
    port = free_port()
    command = [
        *("prometheus", f"--config.file={main}", f"--storage.tsdb.path={folder / 'tsdb'}"),
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with running(command, port, folder / "prometheus.log") as url:
        yield Prometheus(url)


@contextmanager
def running(command: list[str], port: int, log: Path) -> Iterator[str]:
    """Prometheus or Alertmanager, once it is ready; gives its address."""
    url = f"http://127.0.0.1:{port}"
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
    try:
        _wait_until_ready(url, log)
        yield url
    finally:
        process.terminate()
        process.wait(LONGEST)


def _wait_until_ready(url: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=5):  # noqa: S310
                return
        except OSError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)


def rules() -> list[dict[str, Any]]:
    """All of them."""
    files = sorted((PROMETHEUS / "rules").glob("*.yml"))
    return [
        rule
        for file in files
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
    ]
