"""Each planted bug is found, and the schedule that is printed shows it again."""

import pytest

from tests.system.interleavings.conftest import Explore
from tests.system.interleavings.exploring import Failed
from tests.system.interleavings.planted import BUGS, Bug


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.what)
def test_a_planted_bug_is_found(
    bug: Bug, explore: Explore, monkeypatch: pytest.MonkeyPatch
) -> None:
    explorer = explore(bug.scenario)
    explorer.learn()
    monkeypatch.setattr(bug.where, bug.name, bug.instead)
    with pytest.raises(Failed) as failure:
        explorer.all_schedules()
    with pytest.raises(Failed):
        explorer.replay(failure.value.schedule)
