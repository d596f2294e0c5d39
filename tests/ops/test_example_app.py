"""The files of the example app."""

import pytest
from django.http import Http404, HttpResponse
from django.test import RequestFactory

from larder.ops.demo import app

NOT_KEPT = {"index.html", "README.md", "icon-512.png", "icon-maskable-512.png", "screenshots"}
"""The page, which is kept as `./`, and what only the installation shows."""


def get(name: str) -> HttpResponse:
    return app.file(RequestFactory().get("/demo/"), name)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("", "text/html"),
        ("app.js", "text/javascript"),
        ("sdk/index.js", "text/javascript"),
        ("manifest.webmanifest", "application/manifest+json"),
    ],
)
def test_each_file_has_its_type_and_may_load_files_of_this_server_only(
    name: str, kind: str
) -> None:
    response = get(name)
    assert (response.status_code, response["Content-Type"].partition(";")[0]) == (200, kind)
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert "unsafe-eval" not in response["Content-Security-Policy"]


@pytest.mark.parametrize(
    "name", ["absent.js", "sdk/../app.js", "..", "../app/app.js", "sdk/", "\0"]
)
def test_other_files_are_not_found(name: str) -> None:
    with pytest.raises(Http404):
        get(name)


def test_the_service_worker_keeps_each_file_of_the_app_under_a_hash_of_all() -> None:
    text = get("sw.js").content.decode()
    assert "{{ version }}" not in text
    named = {path.name for path in app.APP.iterdir() if path.suffix != ".js"} - NOT_KEPT
    scripts = {path.stem for path in app.APP.glob("*.js")} - {"sw"}
    assert all(f'"{name}"' in text for name in named | scripts)
    assert all(f'"{path.stem}"' in text for path in app.SDK.glob("*.js"))


def test_a_file_is_not_written() -> None:
    assert app.file(RequestFactory().post("/demo/"), "").status_code == 405


def test_without_demo_mode_there_is_no_app() -> None:
    assert app.urls == []
