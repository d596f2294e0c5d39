"""The address in a problem's `type`: a page for browsers, Markdown for other clients."""

import re
from urllib.parse import urljoin

import pytest

from larder.http.problems import KINDS
from larder.v1.documents import explanations, html, problems_page
from tests.conftest import Answer, Api
from tests.server import Server

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
ALL = "problems"


def page(api: Api, path: str) -> Answer:
    return api("GET", path, Accept=BROWSER)


@pytest.mark.parametrize("accepted", ["text/html", BROWSER, "text/html, text/markdown;q=0.5"])
def test_a_client_that_prefers_html_gets_a_page(api: Api, accepted: str) -> None:
    answer = api("GET", "problems/not_found", Accept=accepted)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "Accept" in answer.headers["Vary"]
    text = answer.body.decode()
    assert text.startswith("<!doctype html>")
    assert "<title>not_found – Larder</title>" in text


@pytest.mark.parametrize(
    "accepted", ["*/*", "", "text/plain", "application/json", "text/markdown, text/html;q=0.5"]
)
def test_other_clients_get_markdown(api: Api, accepted: str) -> None:
    for path in ("problems/not_found", ALL):
        answer = api("GET", path, Accept=accepted)
        assert answer.status == 200
        assert "Accept" in answer.headers["Vary"]
        assert answer.headers["Content-Type"] == "text/markdown; charset=utf-8"


def links(api: Api, path: str) -> set[str]:
    """Where the links of a page lead, as a browser resolves them."""
    shown = page(api, path).body.decode()
    found = re.findall('<a href="([^"]+)"', shown)
    return {urljoin(f"/api/v1/{path}", one) for one in found}


def test_every_link_of_every_page_leads_to_an_existing_heading(api: Api) -> None:
    pages = [ALL, *(f"problems/{code}" for code in explanations())]
    followed = set().union(*(links(api, path) for path in pages))
    assert len(followed) >= 3
    for link in followed:
        path, _, wanted = link.partition("#")
        answer = page(api, path)
        assert answer.status == 200, link
        assert not wanted or f' id="{wanted}">' in answer.body.decode(), link


def test_every_code_has_a_heading_and_every_link_of_the_text_is_shown(api: Api) -> None:
    anchors = set(re.findall(r'<h[1-6] id="([^"]+)">', page(api, ALL).body.decode()))
    assert anchors >= KINDS.keys()
    for code, entry in explanations().items():
        written = {*re.findall(r"\]\(([^)]+)\)", entry), "../problems"}
        assert links(api, f"problems/{code}") == {
            urljoin(f"/api/v1/problems/{code}", one) for one in written
        }


def test_pages_contain_no_markdown() -> None:
    for text in (problems_page(), *explanations().values()):
        shown = html(text)
        assert shown.count("<pre>") == text.count("```") / 2
        prose = re.sub("<(pre|code)>.*?</(pre|code)>", "", shown, flags=re.DOTALL)
        assert not re.search(r"`|\*|\]\(|^\s*(#|- |\|)", prose, flags=re.MULTILINE)


def test_a_page_runs_no_script_and_loads_only_files_of_this_server(api: Api) -> None:
    answer = page(api, ALL)
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    text = answer.body.decode()
    assert not re.search("<script|<style| style=| on[a-z]+=|//", text.replace("https://shop", ""))
    assert re.findall('<link rel="stylesheet" href="([^"]+)"', text) == ["/static/api/page.css"]


def test_html_in_the_text_is_shown_as_text() -> None:
    assert html("a <b> & `<c>`") == "<p>a &lt;b&gt; &amp; <code>&lt;c&gt;</code></p>\n"
    assert html("<script>\n</script>") == "<p>&lt;script&gt;\n&lt;/script&gt;</p>\n"
    assert html("```\n<d>\n```") == "<pre><code>&lt;d&gt;\n</code></pre>\n"


def test_a_link_that_would_run_a_script_is_shown_as_text() -> None:
    assert html("[x](javascript:alert)") == "<p>[x](javascript:alert)</p>\n"
    assert html('[x](#"><script>)') == '<p><a href="#%22%3E%3Cscript%3E">x</a></p>\n'


def test_only_the_beginning_of_a_long_accept_header_is_read(server: Server) -> None:
    for length, wanted in ((1000, "text/html"), (1030, "text/markdown")):
        accept = "a/b,".ljust(length - 10, "c") + ",text/html"
        answer = server.call("GET", "problems/overloaded", headers={"Accept": accept})
        assert answer.headers["content-type"].startswith(wanted)


def test_an_operation_reads_only_the_beginning_of_a_long_accept_header(server: Server) -> None:
    for length, wanted in ((1000, 401), (1050, 406)):
        accept = "a/b,".ljust(length - 17, "c") + ",application/json"
        assert server.call("GET", "me", headers={"Accept": accept}).status == wanted
