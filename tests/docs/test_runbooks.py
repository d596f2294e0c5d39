"""What the runbooks name is what the programs use."""

import re

from tests.database import ROOT

RUNBOOKS = ROOT / "docs" / "how-to" / "runbooks"


def test_an_upgrade_moves_the_folder_that_the_data_are_in() -> None:
    page = (RUNBOOKS / "postgresql-upgrade.md").read_text()
    (used,) = {*re.findall(r"--data \$\(DATA\)/(\w+)", (ROOT / "Makefile").read_text())}
    supervisor = (ROOT / "tools" / "run" / "supervisor.py").read_text()
    assert re.findall(r'Cluster\(self\._settings\.data / "(\w+)"\)', supervisor) == [used]
    assert re.findall(r"^mv \.data/(\w+) ", page, re.MULTILINE) == [used]
    assert set(re.findall(r"\.data/([\w-]+)", page)) == {used, f"{used}-former"}
