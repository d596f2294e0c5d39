"""Static files: hashed names, long caching, compression, and the links of pages to them."""

import gzip
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.test import Client
from django.test.utils import override_settings

from tests.conftest import Person

PAGES = (
    *("/", "/api/v1/docs"),
    *("/admin/", "/admin/orders/order/", "/admin/catalog/product/"),
    *("/admin/catalog/product/add/", "/admin/catalog/product/import-file/"),
    "/admin/identity/customer/add/",
)
HASHED = re.compile(r"\.[0-9a-f]{12}(\.[a-z0-9]+)?$")


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that `collectstatic` filled; the server takes the files from there."""
    folder = tmp_path_factory.mktemp("static")
    with override_settings(STATIC_ROOT=folder):
        call_command("collectstatic", interactive=False, verbosity=0)
        yield folder


@pytest.fixture
def boss(person: Callable[..., Person]) -> Client:
    """A browser in which a superuser has logged in."""
    client = Client(headers={"Accept": "text/html"})
    client.force_login(person(is_staff=True, is_superuser=True).customer)
    return client


def files(client: Client, page: str) -> set[str]:
    """Returns the addresses of the static files that a page loads."""
    answer = client.get(page)
    assert answer.status_code == 200, page
    return set(re.findall(r'(?:src|href)="(/static/[^"]+)"', answer.content.decode()))


def fetch(client: Client, name: str) -> bytes:
    """Returns a file's content; nothing if it is not there."""
    answer = client.get(name)
    content = answer.getvalue()
    return content if answer.status_code == 200 else b""


def test_pages_load_files_under_hashed_names(boss: Client, collected: Path) -> None:
    by_page = {page: files(boss, page) for page in PAGES}
    assert all(by_page.values())
    loaded = set[str]().union(*by_page.values())
    assert [address for address in loaded if not HASHED.search(address)] == []
    assert [address for address in loaded if not fetch(boss, address)] == []


def test_a_file_is_compressed_and_cacheable_for_years(collected: Path, client: Client) -> None:
    for name in files(client, "/api/v1/docs"):
        answer = client.get(name, headers={"Accept-Encoding": "gzip"})
        assert answer["Cache-Control"] == "max-age=315360000, public, immutable"
        content, plain = answer.getvalue(), fetch(client, name)
        assert answer["Content-Encoding"] == "gzip"
        assert gzip.decompress(content) == plain


@pytest.mark.parametrize("page", ["/api/v1/docs", "/admin/login/"])
def test_pages_without_collected_files_use_the_plain_names(
    settings: LazySettings, tmp_path: Path, client: Client, page: str, db: None
) -> None:
    settings.STATIC_ROOT = tmp_path
    settings.WHITENOISE_USE_FINDERS = True
    loaded = files(client, page)
    assert loaded
    assert [address for address in loaded if HASHED.search(address)] == []
    assert [address for address in loaded if not fetch(client, address)] == []
