"""The commands of the tutorials and how-to pages print the shown output, on a server of the demo
shop.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from larder.ops.books import invariants
from larder.ops.demo import shop as demo
from tests import database
from tests.database import ROOT
from tests.db.feeds import settle
from tests.server import Server
from tests.system.clients.npm import require_node
from tests.system.docs.lesson import Step, is_shown, play
from tools.docs.pages import Block
from tools.ports import free_port, listens
from tools.processes import wait_until

LESSONS = ("tutorial/first-order.md", "tutorial/phone-app.md", "how-to/erp.md")


def fill(now: datetime, person: Callable[..., object]) -> None:
    """Makes the demo shop anew: ids begin at 1, as on the pages."""
    database.empty_database()
    demo.load_products(now=now)
    person("demo", "demo")
    person("admin", "12345", is_staff=True, is_superuser=True)


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.parametrize("page", LESSONS)
def test_each_command_prints_the_output_on_the_page(
    page: str, server: Server, now: datetime, person: Callable[..., object], tmp_path: Path
) -> None:
    require_node()
    fill(now, person)
    # Else a copy of the products, made while an earlier transaction of another test process is
    # open, is followed by all of them as changes.
    settle()
    address = f"http://127.0.0.1:{server.port}"
    steps = list(play(page, tmp_path, address))
    assert len(steps) > 3
    for step in steps:
        assert is_shown(step), f"{page}:{step.block.line}: {step.printed[:2000]}"


@pytest.fixture
def stripe(tmp_path: Path) -> Iterator[tuple[Server, str]]:
    """A shop that takes the events of a double of Stripe, and the address of the double."""
    with Server(workers=1, environment={"STRIPE_WEBHOOK_SECRETS": "whsec_local"}) as shop:
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
    page = "how-to/take-a-payment.md"
    steps = list(play(page, tmp_path, f"http://127.0.0.1:{shop.port}", double))
    assert len(steps) == 3
    for step in steps:
        assert is_shown(step), f"{page}:{step.block.line}: {step.printed[:2000]}"
    assert invariants.check().violated == []


@pytest.mark.parametrize(
    ("language", "shown", "printed", "fits"),
    [
        ("json", '{"a": "…", "b": [1]}', '{"a": 7, "b": [1], "c": 2}', True),
        ("json", '{"b": [1]}', '{"b": [1, 2]}', False),
        ("json", '{"a": 1}', '{"b": 1}', False),
        ("text", "1 (… left)", "1 (23 left)", True),
        ("text", "1 left", "2 left", False),
    ],
)
def test_output_that_differs_from_the_page_is_an_error(
    language: str, shown: str, printed: str, fits: bool
) -> None:
    step = Step(Block("sh", "", 1), Block(language, shown, 3), printed)
    assert is_shown(step) is fits
