"""A setting: docs/how-to/add-a-setting.md, followed on a copy."""

from pathlib import Path

import pytest

from tests.walk_through import check, followed, run

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
TESTS = (
    "tests/ops/test_checklist.py",
    "tests/notifications/test_support_address.py",
    "tests/docs/test_reference.py",
    "tests/architecture/test_picture.py::test_every_setting_is_in_the_example",
    "tests/system/deploy/test_compose.py::test_every_setting_is_in_the_compose_file_or_listed_with_a_reason",
    "tests/system/deploy/test_aws.py::test_every_variable_of_a_container_is_a_setting",
)


def test_a_new_setting_is_checked_used_and_set_in_each_deployment(tmp_path: Path) -> None:
    copy = followed("add-a-setting.md", tmp_path)
    run(copy, "-m", "tools.reference")
    check(copy, *TESTS)
