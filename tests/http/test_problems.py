"""Every refusal has a status and a title; a problem's type leads to its explanation."""

from larder.db.constraints import FIELDS
from tests.conftest import Api
from tools.openapi_parts import kinds


def test_every_code_has_a_status_and_a_title(api: Api) -> None:
    assert {f"{field}_taken" for field in FIELDS.values()} <= kinds().keys()
    assert all(400 <= kind.status < 600 and len(kind.title) > 9 for kind in kinds().values())


def test_the_type_of_a_problem_leads_to_its_entry(api: Api, db: None) -> None:
    address = api("GET", "me").body["type"].removeprefix("http://testserver")
    entry = api("GET", address)
    assert entry.status == 200
    assert entry.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert entry.body.decode().startswith("# not_authenticated\n\n**401** ")


def test_an_unknown_code_has_no_entry(api: Api, db: None) -> None:
    for code in ("nothing", "..", "%2e%2e%2fDESIGN", "a" * 300):
        assert api("GET", f"problems/{code}").status == 404
