"""The blocks of each walk-through fit the present files, and still fit after a change of the same
kind. What they make works: the tests of the tier `system` that follow them to the end."""

from itertools import groupby
from pathlib import Path

import pytest

from tests.server import ROOT
from tests.walk_through import PAGES, blocks, followed

WALK_THROUGHS = sorted(path.name for path in (ROOT / PAGES).glob("add-*.md"))
USES_ONE_PLACE = {"add-a-setting.md"}
"""Its last steps change the function that uses the setting. Another setting is used elsewhere."""


@pytest.mark.parametrize("page", WALK_THROUGHS)
def test_the_blocks_of_a_walk_through_fit_the_files(page: str, tmp_path: Path) -> None:
    assert followed(page, tmp_path).is_dir()


@pytest.mark.parametrize("page", sorted(set(WALK_THROUGHS) - USES_ONE_PLACE))
def test_a_second_change_of_a_kind_leaves_the_lines_of_the_page_as_they_are(page: str) -> None:
    """A block adds lines before or after its place. If it replaced a line, or its place were on
    both sides, then the first change made with the page would break it."""
    for _, lines in blocks(page):
        kinds = [kind for kind, _ in groupby(line[:1] or " " for line in lines)]
        assert kinds in (["+"], [" ", "+"], ["+", " "]), "\n".join(lines)
