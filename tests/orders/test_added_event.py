"""An event of an order: docs/how-to/add-an-event.md, followed on a copy."""

from pathlib import Path

import pytest

from tests.walk_through import check, followed, run

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
TESTS = (
    "tests/orders/test_lifecycle.py",
    "tests/v1/test_failed_delivery.py",
    "tests/http/test_openapi.py",
    "tests/http/test_documented_answers.py",
    "tests/tools/test_mutants.py::test_each_patch_fits_one_place_of_its_file_and_changes_it",
    "tests/staff/test_page_permissions.py",
    "tests/staff/test_confirming.py::test_every_page_of_the_admin_is_dangerous_or_not",
    "tests/staff/test_event_texts.py",
    "tests/staff/test_help_texts.py",
    "tests/docs/test_api_examples.py::test_each_operation_has_a_section_with_an_example",
    "tests/identity/test_permission_matrix.py::test_the_page_has_a_row_for_every_operation",
)


def test_a_new_event_is_written_read_documented_and_checked_by_the_invariants(
    tmp_path: Path,
) -> None:
    copy = followed("add-an-event.md", tmp_path)
    run(copy, "manage.py", "openapi")
    run(copy, "-m", "tools.openapi")
    run(copy, "-m", "tools.clients")
    check(copy, *TESTS)
