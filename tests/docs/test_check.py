"""The check of the site reports faults of pages."""

import re
from pathlib import Path

import pytest

from tests.database import ROOT
from tools.docs import check
from tools.docs.browser import CHROMIUM
from tools.docs.pages import DOCS
from tools.docs.scripts import AXE, Script, fetched
from tools.errors import LauncherError

PAGE = "<!doctype html><html lang=en><title>A</title><main><h1>A</h1>{}</main></html>"

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return fetched(AXE, tmp_path_factory.mktemp("data"))
    except LauncherError as error:
        pytest.skip(str(error))


def test_pages_that_are_too_wide_or_not_accessible_are_named(axe: Path, tmp_path: Path) -> None:
    (tmp_path / "good.html").write_text(PAGE.format("<p>Text.</p>"))
    (tmp_path / "wide.html").write_text(PAGE.format("<div style='width: 800px'>.</div>"))
    (tmp_path / "mute.html").write_text(PAGE.format("<img src=x.png>"))
    names = ("good.html", "wide.html", "mute.html")
    assert list(check.faults(tmp_path, axe, names)) == [
        "mute.html, 1280 px: image-alt: img",
        "mute.html, 390 px: image-alt: img",
        "wide.html, 390 px: the page is 808 px wide",
    ]


def test_a_script_other_than_the_pinned_one_is_not_run(axe: Path) -> None:
    other = Script(AXE.package, AXE.path, "0" * 64)
    with pytest.raises(LauncherError, match="not the file that is pinned"):
        fetched(other, axe.parents[1])


def test_every_page_checked_by_axe_has_a_source() -> None:
    sources = {name.removesuffix(".html") for name in check.LOOKED_AT} - {"search"}
    assert [one for one in sources if not (DOCS / f"{one}.md").exists()] == []


def test_scripts_and_files_of_settings_below_deploy_are_read_by_a_check() -> None:
    checks = "".join(one.read_text() for one in ROOT.glob("deploy/*/check.sh"))
    patterns = re.findall(r"deploy/[\w./*-]+", checks)
    kinds = ("*.sh", "*/*.env.example", "grafana/provisioning/*/*.yml")
    files = [one.relative_to(ROOT) for kind in kinds for one in ROOT.glob(f"deploy/{kind}")]
    assert len(files) > 6
    assert [one for one in files if not any(one.match(each) for each in patterns)] == []
