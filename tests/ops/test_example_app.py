"""The files of the example app."""

import re

import pytest
from django.http import Http404, HttpResponse
from django.test import RequestFactory

from larder.ops.demo import app


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
    assert "{{" not in text
    kept = re.findall(r'FILES = "([^"]*)"', text)[0].split(" ")
    assert {"./", "./style.css", "./app.js", "./sdk/index.js", "./icon-192.png"} < {*kept}
    assert not {"./sw.js", "./screenshots/wide.webp"} & {*kept}


def test_a_file_is_not_written() -> None:
    assert app.file(RequestFactory().post("/demo/"), "").status_code == 405


def test_without_demo_mode_there_is_no_app() -> None:
    assert app.urls == []
