"""Generators of typed clients read the OpenAPI document, and what they make works."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from larder.orders.models import Order
from tests.server import ROOT, Server
from tests.system.clients.npm import SDK, install, node
from tests.system.clients.uv import uv

DOCUMENT = ROOT / "docs" / "openapi" / "v1.json"
COMPILE = [
    "--strict",
    "--skipLibCheck",
    "--module",
    "nodenext",
    "--lib",
    "es2022,dom,dom.iterable",
]


def test_types_that_are_generated_fit_the_sdk_and_a_client_that_places_an_order(
    server: Server, person: Callable[..., object], product: Callable[..., int], tmp_path: Path
) -> None:
    person("ada", "ada")
    sold = product(price="1.50", stock=5)
    install(SDK)
    (tmp_path / "node_modules").symlink_to(SDK / "node_modules")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copytree(SDK / "dist", tmp_path / "dist")
    tests = shutil.copytree(SDK / "tests", tmp_path / "tests")
    sources = sorted(tests.glob("*.ts"))
    programs = SDK / "node_modules" / ".bin"
    types = tests / "api.d.ts"
    node(programs / "openapi-typescript", DOCUMENT, "-o", types, folder=tmp_path)
    assert "export interface operations" in types.read_text()
    node(programs / "tsc", *COMPILE, *sources, folder=tmp_path)
    address = f"http://127.0.0.1:{server.port}"
    node("node", "tests/generated.js", address, str(sold), folder=tmp_path)
    order = Order.objects.get()
    assert (order.customer.username, order.status) == ("ada", "placed")


PAGE = (ROOT / "docs" / "api" / "conventions.md").read_text()
VERSION = re.findall(r"^uvx openapi-python-client@(\S+) ", PAGE, re.MULTILINE)[0]
GENERATOR = f"openapi-python-client=={VERSION}"
APP = """
import sys
from larder_client import AuthenticatedClient, Client
from larder_client.api.auth import log_in
from larder_client.api.orders import place_order
from larder_client.api.products import list_product_changes
from larder_client.models import LogIn, NewLine, NewOrder, Problem

url, product = sys.argv[1], int(sys.argv[2])
pair = log_in.sync(client=Client(url), body=LogIn(username="ada", password="ada"))
client = AuthenticatedClient(url, token=pair.access)
changes = list_product_changes.sync(client=client, split=True)
assert [one.id for one in changes.products] == [product], changes
assert (changes.results, changes.deleted) == ([], [])
order = place_order.sync(client=client, body=NewOrder(lines=[NewLine(product=product, quantity=2)]))
assert (order.status, order.total) == ("placed", "3.00"), order
wanted = NewOrder(lines=[NewLine(product=product, quantity=99)])
refused = place_order.sync(client=client, body=wanted)
assert isinstance(refused, Problem), refused
assert (refused.code, refused.lines[0].available) == ("insufficient_stock", 3), refused
"""


def test_a_generated_python_client_has_all_operations_and_places_an_order(
    server: Server, person: Callable[..., object], product: Callable[..., int], tmp_path: Path
) -> None:
    person("ada", "ada")
    sold = product(price="1.50", stock=5)
    generate = ("openapi-python-client", "generate", "--path", DOCUMENT, "--output-path", "made")
    done = uv("--with", GENERATOR, *generate, folder=tmp_path)
    assert "will not be generated" not in done.stdout + done.stderr
    (tmp_path / "made" / "app.py").write_text(APP)
    address = f"http://127.0.0.1:{server.port}"
    needs = ("--with", "httpx==0.28.1", "--with", "attrs==26.1.0", "--with", "python-dateutil")
    uv(*needs, "python", "app.py", address, str(sold), folder=tmp_path / "made")
