"""An operation of v1 is a function and a path: the walk-through of CONTRIBUTING.md, on a copy."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.server import ROOT

NEVER_COPIED = shutil.ignore_patterns(".*", "__pycache__", "node_modules")


def insert(file: Path, behind: str, code: str) -> None:
    """Inserts code behind the one place with this text."""
    text = file.read_text()
    assert text.count(behind) == 1, (file, behind)
    file.write_text(text.replace(behind, behind + code))


def edit(copy: Path) -> None:
    walk_through = (ROOT / "CONTRIBUTING.md").read_text().split("## Walk-through")[2]
    found = re.findall(r"```python\n(.+?) +```", walk_through, re.DOTALL)
    function, path = (re.sub("^   ", "", block, flags=re.MULTILINE) for block in found)
    addresses = copy / "larder/v1/addresses.py"
    limit = "from larder.core.limits import MAX_ADDRESSES\n"
    insert(addresses, "import RETENTION, fingerprint\n", limit)
    insert(addresses, "[_shown(one) for one in results], link))\n", f"\n\n{function}")
    insert(copy / "larder/v1/urls.py", "\nurlpatterns = [\n", f"{path.rstrip()},\n")


def test_an_operation_is_in_the_document_once_its_function_has_a_path(tmp_path: Path) -> None:
    copy = tmp_path / "larder"
    shutil.copytree(ROOT, copy, ignore=NEVER_COPIED)
    edit(copy)
    command = [sys.executable, "-W", "ignore", "manage.py", "openapi"]
    subprocess.run(command, cwd=copy, check=True, timeout=300)
    said = json.loads((copy / "docs/openapi/v1.json").read_text())
    one = said["paths"]["/api/v1/me/addresses/count"]["get"]
    assert one["operationId"] == "count_addresses"
    assert one["responses"].keys() >= {"200", "304", "401", "406"}
    assert said["components"]["schemas"]["AddressCount"]["required"] == ["count"]
