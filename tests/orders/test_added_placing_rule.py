"""A rule of placing: docs/how-to/add-a-placing-rule.md, followed on a copy."""

from pathlib import Path

import pytest

from tests.walk_through import check, followed, run

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
TESTS = (
    "tests/orders/test_decision.py",
    "tests/http/test_problems.py",
    "tests/http/test_openapi.py",
    "tests/http/test_documented_answers.py",
    "tests/tools/test_mutants.py::test_each_patch_fits_one_place_of_its_file_and_changes_it",
    "tests/docs/test_api_examples.py::test_each_special_refusal_of_an_operation_is_in_its_section",
    "tests/v1/test_free_orders.py",
    "tests/compat/test_free_orders.py",
)


def test_a_new_placing_rule_is_decided_documented_and_reported_by_every_api(tmp_path: Path) -> None:
    copy = followed("add-a-placing-rule.md", tmp_path)
    run(copy, "manage.py", "openapi")
    run(copy, "-m", "tools.openapi")
    check(copy, *TESTS)
