"""Unknown paths are refused in the shape that the client expects."""

import pytest

from tests.compat.conftest import ApiClient
from tests.server import Server


@pytest.mark.parametrize(
    "path",
    ["/api/products/-1/", "/api/catalog/products/jam/", "/orders/none/", "/token/x/", "/auth/x"],
)
def test_below_the_paths_of_the_earlier_contracts_it_is_a_sentence(
    anyone: ApiClient, path: str
) -> None:
    answer = anyone("GET", path)
    assert (answer.status, answer.body) == (404, {"detail": "Not found."})
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/nothing", "/nothing/"])
def test_everywhere_else_it_is_a_problem(anyone: ApiClient, path: str) -> None:
    answer = anyone("GET", path)
    assert (answer.status, answer.body["code"]) == (404, "not_found")


@pytest.mark.system
def test_with_all_contracts_off_it_is_a_problem_everywhere(transactional_db: None) -> None:
    with Server(workers=1, environment={"COMPAT": ""}) as server:
        answer = server.call("GET", "/api/products/-1/")
    assert (answer.status, answer.body["code"]) == (404, "not_found")
