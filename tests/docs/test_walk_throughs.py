"""The blocks of each walk-through fit the present files. What they make works: the tests of the
tier `system` that follow them to the end."""

from pathlib import Path

import pytest

from tests.server import ROOT
from tests.walk_through import PAGES, followed

WALK_THROUGHS = sorted(path.name for path in (ROOT / PAGES).glob("add-*.md"))


@pytest.mark.parametrize("page", WALK_THROUGHS)
def test_the_blocks_of_a_walk_through_fit_the_files(page: str, tmp_path: Path) -> None:
    assert followed(page, tmp_path).is_dir()
