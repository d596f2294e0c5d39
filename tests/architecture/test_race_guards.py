"""The guards that the negative controls of races remove exist at the named places."""

from pathlib import Path

import pytest

from tests.system.race import guards

TESTS = Path(__file__).resolve().parent.parent
CONTROLS = [one for one in TESTS.rglob("*.py") if one.name != "guards.py"]


@pytest.mark.parametrize("guard", guards.NAMES)
def test_a_guard_exists_in_its_module(guard: str) -> None:
    for module, name, replacement in guards.removal(guard):
        assert hasattr(module, name), f"{module} has no {name}"
        original = getattr(module, name)
        assert type(replacement) is type(original) or callable(replacement) == callable(original)
        if isinstance(replacement, str):
            assert replacement != original


@pytest.mark.parametrize("guard", guards.NAMES)
def test_a_guard_has_a_control(guard: str) -> None:
    named = "QUOTA_HELD" if guard == guards.QUOTA_HELD else f'"{guard}"'
    assert any(named in one.read_text() for one in CONTROLS)
