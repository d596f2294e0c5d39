"""Unknown paths are refused in the format that the client expects."""

import pytest

from tests.compat.conftest import ApiClient
from tests.server import Server


@pytest.mark.parametrize(
    "path",
    ["/api/products/-1/", "/api/catalog/products/jam/", "/orders/none/", "/token/x/", "/auth/x"],
)
def test_an_unknown_path_of_an_earlier_contract_is_404_with_a_detail(
    anyone: ApiClient, path: str
) -> None:
    answer = anyone("GET", path)
    assert (answer.status, answer.body) == (404, {"detail": "Not found."})
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/nothing", "/nothing/"])
def test_an_unknown_path_elsewhere_is_404_with_a_problem(anyone: ApiClient, path: str) -> None:
    answer = anyone("GET", path)
    assert (answer.status, answer.body["code"]) == (404, "not_found")


@pytest.mark.system
def test_an_unknown_path_is_a_problem_if_all_contracts_are_off(transactional_db: None) -> None:
    with Server(workers=1, environment={"COMPAT": ""}) as server:
        answer = server.call("GET", "/api/products/-1/")
    assert (answer.status, answer.body["code"]) == (404, "not_found")
