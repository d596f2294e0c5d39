"""The address in a problem's `type` explains the code."""

from tests.conftest import Api
from tools.openapi_parts import kinds


def test_every_code_has_an_entry_and_the_page_has_all(api: Api) -> None:
    page = api("GET", "problems")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    for code in kinds():
        entry = api("GET", f"problems/{code}").body.decode()
        assert entry.startswith(f"# {code}\n")
        assert f"### `{code}`" in page.body.decode()


def test_only_the_beginning_of_a_long_accept_header_is_read(api: Api) -> None:
    for length, status in ((1000, 401), (1050, 406)):
        accept = "a/b,".ljust(length - 17, "c") + ",application/json"
        assert api("GET", "me", Accept=accept).status == status
