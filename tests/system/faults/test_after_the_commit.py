"""A committed order is answered although notes, counters or log lines fail."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import pytest

from tests.conftest import Person
from tests.server import Server

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]

ORDERS = 12


def stop_reading(pipe: int) -> None:
    """Let the log's pipe be full for good."""
    with suppress(BlockingIOError):
        while os.write(pipe, bytes(4096)):
            pass


@contextmanager
def log_to(kind: str, folder: Path) -> Iterator[tuple[Path, Callable[[], None]]]:
    """A file or a pipe, and what makes writing to it fail, or last for ever."""
    log = folder / "log"
    if kind == "file":
        yield log, lambda: None
        return
    os.mkfifo(log)
    pipe = os.open(log, os.O_RDWR | os.O_NONBLOCK)
    yield log, lambda: stop_reading(pipe) if kind == "full pipe" else os.close(pipe)
    with suppress(OSError):
        os.close(pipe)


@pytest.mark.parametrize(
    "kind", ["file", "full pipe", pytest.param("closed pipe", marks=pytest.mark.slow)]
)
def test_errors_after_the_commit_do_not_prevent_the_answer(
    kind: str,
    transactional_db: None,
    person: MakePerson,
    product: MakeProduct,
    tmp_path: Path,
) -> None:
    jam, who = product(stock=1000), person()
    options = {
        "application": "tests.system.faults.failing_after_commit_app:application",
        "workers": 1,
    }
    log_of = log_to(kind, tmp_path)
    with log_of as (log, spoil), Server(errors=log, **options) as server:  # type: ignore[arg-type]
        spoil()
        token = server.token(who.customer.username, who.password)
        body = {"lines": [{"product": jam, "quantity": 1}]}
        for _ in range(ORDERS):
            headers = {"Idempotency-Key": uuid4().hex}
            answer = server.call("POST", "orders", body, token=token, headers=headers)
            assert answer.status == 201, answer.body
        cart = server.call("PUT", f"cart/lines/{jam}", {"quantity": 1}, token=token)
        assert cart.status in {200, 201}, cart.body
        assert server.call("POST", "cart/submit", token=token).status == 201
        placed = server.call("GET", "orders?count=true&limit=1", token=token).body["count"]
    assert placed == ORDERS + 1
    if kind == "file":
        assert "failed after the work was done" in log.read_text()
