"""The example app, which a server in demo mode serves at `/demo/`."""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.views.generic import RedirectView

from larder.http.headers import PAGE
from larder.http.pages import read_only
from larder.ops.demo import mails

APP = Path(settings.BASE_DIR) / "demo" / "app"
SDK = Path(settings.SHARED_DIR) / "clients" / "typescript" / "dist"
WORKER = "sw.js"
POLICY = (
    PAGE.replace("img-src 'self'", "img-src 'self' https:")
    + "; manifest-src 'self'; worker-src 'self'"
)
"""The Content Security Policy of pages, pictures of products, and the files that make a page an
app."""

TYPES = {
    ".css": "text/css",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
    ".webmanifest": "application/manifest+json",
}


def _files() -> dict[str, Path]:
    """Returns the files by their paths below `/demo/`."""
    files = (file for file in APP.rglob("*") if file.suffix in TYPES)
    app = {file.relative_to(APP).as_posix(): file for file in files}
    sdk = {f"sdk/{file.name}": file for file in SDK.glob("*.js")}
    return app | sdk | {"": APP / "index.html"}


@read_only
def file(request: HttpRequest, name: str) -> HttpResponse:
    """Returns a file of the app; `name` is its path below `/demo/`. Raises Http404."""
    files = _files()
    if name not in files:
        raise Http404
    content = files[name].read_bytes()
    if name == WORKER:
        content = content.replace(b"{{ version }}", _version(files).encode())
        content = content.replace(b"{{ files }}", " ".join(_kept(files)).encode())
    headers = {"Cache-Control": "no-cache", "Content-Security-Policy": POLICY}
    return HttpResponse(content, content_type=TYPES[files[name].suffix], headers=headers)


def _kept(files: Iterable[str]) -> list[str]:
    """Returns the addresses that the service worker keeps: not itself, nor what only the
    installation shows."""
    return [f"./{name}" for name in files if name != WORKER and not name.startswith("screenshots/")]


def _version(files: dict[str, Path]) -> str:
    """Returns a hash of all files. With another one in the service worker, a browser that has an
    earlier version fetches all files anew."""
    contents = (files[name].read_bytes() for name in sorted(files))
    return sha256(b"".join(contents)).hexdigest()[:16]


urls = (
    [
        path("demo", RedirectView.as_view(url="/demo/")),
        path("demo/", file, {"name": ""}),
        path("demo/mails", mails.page),
        path("demo/mails/<int:id>", mails.mail),
        path("demo/<path:name>", file),
    ]
    if settings.DEMO
    else []
)
