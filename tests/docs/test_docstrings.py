"""Examples in docstrings print what they say."""

import doctest
import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = re.compile(r"^ +>>> ", re.MULTILINE)

WITH_EXAMPLES = [
    path.relative_to(ROOT).with_suffix("")
    for path in sorted((ROOT / "larder").rglob("*.py"))
    if EXAMPLE.search(path.read_text())
]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=str)
def test_examples_in_docstrings_print_what_they_say(path: Path) -> None:
    module = import_module(".".join(path.parts).removesuffix(".__init__"))
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
