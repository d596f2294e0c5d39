"""Where a problem's `type` leads: for people a page, for everybody else Markdown."""

import re

import pytest

from larder.api.markdown import anchor, html
from larder.api.problems import KINDS
from larder.api.v1.documents import explanations, problems_page
from tests.conftest import Answer, Api

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
ALL = "problems"


def page(api: Api, path: str) -> Answer:
    return api("GET", path, Accept=BROWSER)


@pytest.mark.parametrize("accepted", ["text/html", BROWSER, "text/html, text/markdown;q=0.5"])
def test_who_prefers_html_gets_a_page(api: Api, accepted: str) -> None:
    answer = api("GET", "problems/not_found", Accept=accepted)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "Accept" in answer.headers["Vary"]
    text = answer.body.decode()
    assert text.startswith("<!doctype html>")
    assert "<title>not_found – Larder</title>" in text


@pytest.mark.parametrize(
    "accepted", ["*/*", "", "text/plain", "application/json", "text/markdown, text/html;q=0.5"]
)
def test_everybody_else_gets_markdown(api: Api, accepted: str) -> None:
    for path in ("problems/not_found", ALL):
        answer = api("GET", path, Accept=accepted)
        assert answer.status == 200
        assert "Accept" in answer.headers["Vary"]
        assert answer.headers["Content-Type"] == "text/markdown; charset=utf-8"


def test_every_link_of_every_entry_leads_to_a_heading(api: Api) -> None:
    whole = page(api, ALL).body.decode()
    anchors = set(re.findall(r'<h[1-6] id="([^"]+)">', whole))
    assert anchors >= KINDS.keys()
    assert set(re.findall(r'href="#([^"]+)"', whole)) <= anchors
    found = set()
    for code, entry in explanations().items():
        links = re.findall(r"\]\(([^)]+)\)", entry)
        shown = page(api, f"problems/{code}").body.decode()
        assert set(re.findall('<a href="([^"]+)"', shown)) == {*links, "../problems"}
        found |= set(links)
    assert len(found) >= 2
    assert {one.partition("#")[0] for one in found} == {"../problems"}
    assert {one.partition("#")[2] for one in found} <= anchors


def test_nothing_of_the_markdown_is_left_over() -> None:
    for text in (problems_page(), *explanations().values()):
        shown = html(text)
        assert shown.count("<pre>") == text.count("```") / 2
        prose = re.sub("<(pre|code)>.*?</(pre|code)>", "", shown, flags=re.DOTALL)
        assert not re.search(r"`|\*|\]\(|^\s*(#|- |\|)", prose, flags=re.MULTILINE)


def test_a_page_runs_nothing_and_takes_nothing_from_elsewhere(api: Api) -> None:
    answer = page(api, ALL)
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    text = answer.body.decode()
    assert not re.search("<script|<style| style=| on[a-z]+=|//", text.replace("https://shop", ""))
    assert re.findall('<link rel="stylesheet" href="([^"]+)"', text) == ["/static/api/page.css"]


def test_what_stands_in_the_text_is_text() -> None:
    assert html("a <b> & `<c>`") == "<p>a &lt;b&gt; &amp; <code>&lt;c&gt;</code></p>"
    assert html("```\n<d>\n```") == "<pre><code>&lt;d&gt;</code></pre>"
    assert html("| `a|` <e> |\n|---|\n| x |").count("<e>") == 0
    assert html('[x](#"><script>)') == '<p><a href="#&quot;&gt;&lt;script&gt;">x</a></p>'
    assert anchor("404 and 405: not here") == "404-and-405-not-here"


def test_lists_hold_what_is_indented_below_them() -> None:
    text = "- **Do:** this\n  and that\n  ```json\n  {}\n  ```\n- *other*\n\nend"
    assert html(text) == (
        "<ul><li><p><strong>Do:</strong> this and that</p><pre><code>{}</code></pre></li>"
        "<li><p><em>other</em></p></li></ul>\n<p>end</p>"
    )
