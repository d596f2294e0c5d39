"""The commands of the README run in a shell."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from larder.ops.demo import shop as demo
from tests import database
from tests.server import Server
from tools.run.greeting import greeting
from tools.run.settings import from_environment

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parents[2]


def shown() -> str:
    """The lines of the first order."""
    page = (ROOT / "README.md").read_text()
    return str(re.findall(r"```sh\n(TOKEN=.*?)\n```", page, re.DOTALL)[0])


def test_make_run_prints_the_lines_of_the_readme_with_its_address() -> None:
    settings = from_environment({"PORT": "8123"})
    output = greeting(settings).replace(settings.address, "http://127.0.0.1:8000")
    assert f"\n{shown()}\n" in output


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_commands_of_the_readme_place_an_order(
    server: Server, now: datetime, person: Callable[..., object]
) -> None:
    database.empty_database()  # the README's product is number 1
    demo.load_products(now=now)
    person("demo", "demo")
    lines = shown().replace("127.0.0.1:8000", f"127.0.0.1:{server.port}").split("\n")
    pasted = "\n".join([*lines, lines[2]])
    done = subprocess.run(["sh", "-ec", pasted], capture_output=True, text=True, check=True)
    listed, placed, history, again = [json.loads(one) for one in done.stdout.split("\n") if one]
    assert "LANTERN" in listed["results"][0]["name"]
    assert placed["status"] == "placed"
    assert [one["id"] for one in history["results"]] == [placed["id"]]
    assert again["id"] == placed["id"]
