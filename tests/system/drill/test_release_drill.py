"""`make release-drill`: what counts as a failure, and a short one, really carried out."""

import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.programs import printed
from tools.errors import LauncherError
from tools.release_drill import releases
from tools.release_drill.clients import Heard
from tools.release_drill.report import OUTAGE_SECONDS, Took
from tools.release_drill.steps import OTHER_ROLE, following_url

GOOD = Heard(0.0, 0.1, "order", 201, "201")
LATER = Heard(1.0, 1.1, "order", 503, "database_unavailable", retry_after=True)
LATEST = Heard(1.0, 1.0 + OUTAGE_SECONDS, "order", 503, "database_unavailable", retry_after=True)


def took(*heard: Heard, outage: bool = False) -> Took:
    return Took("a step", 1.0, heard, outage)


@pytest.mark.parametrize(
    "other",
    [
        Heard(0.0, 0.1, "order", 502, "bad_gateway"),
        Heard(0.0, 0.1, "products", 401, "invalid_token"),
        Heard(0.0, 0.1, "order", 503, "outcome_unknown"),
        Heard(0.0, 20.0, "order", 0, "TimeoutError: timed out"),
        Heard(0.0, 0.1, "order", 0, "RemoteDisconnected: at a reload"),
        Heard(0.0, 0.1, "order", 0, "ConnectionResetError: at a reload"),
    ],
)
def test_any_answer_but_success_is_a_failure_also_during_an_outage(other: Heard) -> None:
    assert took(GOOD).good
    for outage in (True, False):
        assert took(GOOD, other, outage=outage).failed == [other]


def test_503_with_retry_after_is_allowed_for_some_seconds_of_an_outage_alone() -> None:
    assert took(GOOD, LATER, outage=True).good
    assert not took(GOOD, LATER).good
    assert not took(LATER, LATEST, outage=True).good


def test_the_next_login_is_another_role_at_the_same_database() -> None:
    url = "postgresql://larder_app:former@/larder?host=%2Frun&port=5432"
    following = following_url(url)
    assert re.fullmatch(
        rf"postgresql://{OTHER_ROLE}:[0-9a-f]{{48}}@/larder\?host=%2Frun&port=5432", following
    )
    assert following_url(url) != following


def test_this_python_runs_a_release_whose_packages_it_has_in_the_same_versions(
    tmp_path: Path,
) -> None:
    (tmp_path / "requirements").mkdir()
    lock = tmp_path / releases.REQUIREMENTS
    lock.write_text("django==5.2.8 \\\n    --hash=sha256:0\npsycopg[binary,pool]==3.2.12 \\\n")
    assert releases.packages(tmp_path) == {"django==5.2.8", "psycopg[binary,pool]==3.2.12"}


def begin_with() -> list[str]:
    """Return the options of a clone that may have no history."""
    try:
        releases.last()
    except LauncherError:
        return ["--old", "HEAD"]
    return []


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
@pytest.mark.timeout(300)
def test_a_short_drill_fails_no_request() -> None:
    command = [sys.executable, "-m", "tools.release_drill", "--short", *begin_with()]
    last = printed(command).splitlines()[-1]
    assert ", failed 0, " in last
    assert last.endswith("faults of the books 0")
