"""Commands of CONTRIBUTING.md, second-factor.md and patroni.md do what their pages say."""

import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Person
from tests.database import ROOT
from tests.programs import printed
from tests.runner import environment
from tools.docs import pages

PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


def command(page: str, start: str) -> str:
    """The shell block of a page that begins so."""
    found = pages.blocks((ROOT / page).read_text())
    (text,) = [one.text for one in found if one.language == "sh" and one.text.startswith(start)]
    return text


def run(text: str, folder: Path = ROOT, **variables: str) -> str:
    """Runs commands in a folder; returns what they print."""
    given = {**environment(), "PATH": PATH, **variables}
    return printed(["sh", "-euc", text], folder=folder, environment=given)


@pytest.mark.timeout(300)
def test_the_printed_schedule_is_played_again() -> None:
    assert "1 passed" in run(command("CONTRIBUTING.md", "SCHEDULE="))


def test_a_release_keeps_its_documents_with_their_sums(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs" / "openapi", tmp_path / "docs" / "openapi")
    run(command("CONTRIBUTING.md", "mkdir docs/openapi/released/"), tmp_path)
    former, kept = sorted((tmp_path / "docs" / "openapi" / "released").iterdir())
    assert {one.name for one in kept.iterdir()} == {one.name for one in former.iterdir()}
    assert run("sha256sum --check --quiet SHA256SUMS", kept) == ""


@pytest.mark.django_db(transaction=True)
def test_a_server_prints_an_enrolment_code_and_resets_a_factor(
    person: Callable[..., Person],
) -> None:
    page = "docs/how-to/second-factor.md"
    person("ada", is_staff=True)
    printed = {"--enrol": r"\S{8,}\n", "--reset": r"The second factor is removed\.\n"}
    for option, pattern in printed.items():
        text = command(page, f"python manage.py second_factor USERNAME {option}")
        said = run(text.replace("USERNAME", "ada"), DATABASE_URL=os.environ["DATABASE_URL"])
        assert re.fullmatch(pattern, said)


def test_a_cluster_gets_the_named_files_of_secrets(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "deploy" / "patroni", tmp_path / "deploy" / "patroni")
    text = command("docs/how-to/deploy/patroni.md", "sh deploy/patroni/secrets.sh patroni-secrets")
    run(text, tmp_path)
    named = text.partition("# ")[2].strip().split(", ")
    assert {one.name for one in (tmp_path / "patroni-secrets").iterdir()} == set(named)
