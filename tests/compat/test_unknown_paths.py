"""Unknown paths are refused in the format that the client expects."""

import pytest

from tests.server import Server


@pytest.mark.system
def test_an_unknown_path_is_a_problem_if_all_contracts_are_off(transactional_db: None) -> None:
    with Server(workers=1, environment={"COMPAT": ""}) as server:
        answer = server.call("GET", "/api/products/-1/")
    assert (answer.status, answer.body["code"]) == (404, "not_found")
