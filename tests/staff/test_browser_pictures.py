"""The page of a product with an uploaded picture, in a real browser."""

from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Page

from larder.catalog.models import Product
from tests.catalog.photos import encoded, plain
from tests.conftest import Person
from tests.server import Server
from tests.staff.browser import CHROMIUM, in_browser, log_in

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

KEY = "9f" * 32
LOADED = "image => image.decode().then(() => image.naturalWidth, () => 0)"
WIDTH = "document.documentElement.scrollWidth"


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and logs nothing."""

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def cdn(tmp_path: Path) -> Iterator[str]:
    """The address of another origin, which has the thumbnail of a picture."""
    (tmp_path / f"{KEY}-320.webp").write_bytes(encoded(plain(40, 30), "WEBP"))
    answering = partial(Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), answering) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def jam(transactional_db: None, product: Callable[..., int]) -> int:
    made = product(sku="JAM-1", name="Red jam")
    address = f"https://shop.example.com/pictures/{KEY}.webp"
    Product.objects.filter(pk=made).update(image_url=address)
    return made


@pytest.mark.system
def test_the_page_shows_a_picture_of_pictures_url(
    cdn: str, person: Callable[..., Person], jam: int
) -> None:
    boss, widths = person("boss", is_staff=True, is_superuser=True), []

    with Server(workers=1, environment={"DEMO": "1", "PICTURES_URL": cdn}) as server:
        site = f"http://127.0.0.1:{server.port}"

        def journey(page: Page) -> None:
            log_in(page, site, boss)
            page.goto(f"{site}/admin/catalog/product/{jam}/change/")
            widths.append(page.get_by_alt_text("Picture of the product").evaluate(LOADED))

        seen = in_browser(journey)
    assert widths == [40]
    assert seen.faults == []


def test_a_long_address_of_a_picture_does_not_widen_the_page_on_a_phone(
    site: str, person: Callable[..., Person], jam: int
) -> None:
    boss, widths = person("boss", is_staff=True, is_superuser=True), []

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.goto(f"{site}/admin/catalog/product/{jam}/change/")
        page.locator(".field-image_url a").wait_for()
        widths.append(page.evaluate(WIDTH))

    in_browser(journey, width=390)
    assert widths == [390]
