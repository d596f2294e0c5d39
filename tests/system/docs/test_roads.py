"""The commands of the main pages print what the pages show, on a server of the demo shop.

The shell blocks of a page run in one shell. Its Python blocks are the file app.py, those of
JavaScript app.mjs, which can import the SDK. A JSON or text block after a shell block is what its
last command prints: `…` in it is anything, and a JSON object may have more fields.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from larder.ops.books import invariants
from larder.ops.demo import shop as demo
from tests import database
from tests.db.feeds import settle
from tests.pages import ROOT, Block, blocks
from tests.server import Server
from tests.system.clients.npm import require_node
from tools.processes import free_port, listens, wait_until

PAGES = ("README.md", "docs/start.md", "docs/integrate/erp.md")
STARTS_A_SERVER = re.compile(r"(?m)^(\S+=\S+ )*(make run|\.venv/bin/python -m tools\.\w+)\b")
"""Blocks that start servers, which the tests have already."""
SHOP, STRIPE = "http://127.0.0.1:8000", "http://127.0.0.1:12111"
"""The addresses on the pages."""
_END = "\x1e"


def play(page: str, folder: Path, shop: str, stripe: str = STRIPE) -> int:
    """Runs the blocks of a page. Returns how many there were; fails if one prints something else
    than the page shows."""
    parts = list(blocks((ROOT / page).read_text()))
    for language, file in (("python", "app.py"), ("js", "app.mjs")):
        code = "\n".join(part.text for part in parts if part.language == language)
        (folder / file).write_text(code.replace(SHOP, shop).replace(STRIPE, stripe))
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / "larder-client").symlink_to(ROOT / "clients" / "typescript")
    steps = [
        (part, following if following and following.language in ("json", "text") else None)
        for part, following in zip(parts, [*parts[1:], None], strict=True)
        if part.language == "sh" and not STARTS_A_SERVER.search(part.text)
    ]
    script = f"\nprintf '{_END}'\n".join(part.text for part, _ in steps).replace(SHOP, shop)
    shell = subprocess.run(
        ["sh", "-euc", script], cwd=folder, capture_output=True, text=True, check=False, timeout=100
    )
    assert shell.returncode == 0, shell.stderr + shell.stdout
    for (part, shown), printed in zip(steps, shell.stdout.split(_END), strict=True):
        assert shown is None or _fits(shown, printed.strip()), f"{page}:{part.line}: {printed}"
    return len(steps)


def _fits(shown: Block, printed: str) -> bool:
    if shown.language == "json":
        return _contains(json.loads(printed), json.loads(shown.text))
    return re.fullmatch(re.escape(shown.text.strip()).replace("…", ".*"), printed) is not None


def _contains(real: Any, shown: Any) -> bool:
    if isinstance(shown, dict):
        return isinstance(real, dict) and all(
            name in real and _contains(real[name], value) for name, value in shown.items()
        )
    if isinstance(shown, list):
        return len(shown) == len(real) and all(map(_contains, real, shown))
    return bool(shown in ("…", real))


def fill(now: datetime, person: Callable[..., object]) -> None:
    """Makes the demo shop anew: ids begin at 1, as on the pages."""
    database.empty_database()
    demo.load_products(now=now)
    person("demo", "demo")
    person("admin", "12345", is_staff=True, is_superuser=True)


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.parametrize("page", PAGES)
def test_each_command_prints_the_output_on_the_page(
    page: str, server: Server, now: datetime, person: Callable[..., object], tmp_path: Path
) -> None:
    require_node()
    fill(now, person)
    # An earlier transaction of another test process would follow the copy of the products.
    settle()
    assert play(page, tmp_path, f"http://127.0.0.1:{server.port}")


@pytest.fixture
def stripe(tmp_path: Path) -> Iterator[tuple[Server, str]]:
    """A shop that takes the events of a double of Stripe, and the address of the double."""
    demo_mode = {"DEMO": "1", "STRIPE_WEBHOOK_SECRETS": "whsec_local"}
    with Server(workers=1, environment=demo_mode) as shop:
        port = free_port()
        to = f"http://127.0.0.1:{shop.port}/api/v1/payments/providers/stripe"
        command = [sys.executable, "-m", "tools.stripe_double", str(tmp_path / "payments.sqlite")]
        with subprocess.Popen([*command, "--port", str(port), "--to", to], cwd=ROOT) as double:
            try:
                assert wait_until(lambda: listens(port))
                yield shop, f"http://127.0.0.1:{port}"
            finally:
                double.kill()


def test_a_payment_is_recorded_as_the_page_shows(
    transactional_db: None,
    stripe: tuple[Server, str],
    now: datetime,
    person: Callable[..., object],
    tmp_path: Path,
) -> None:
    fill(now, person)
    shop, double = stripe
    assert play("docs/integrate/payment.md", tmp_path, f"http://127.0.0.1:{shop.port}", double)
    assert invariants.check().violated == []
