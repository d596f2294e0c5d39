"""The earlier contracts answer as they did."""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.compat.exchanges import FOLDER, Player, exchanges, write
from tests.compat.urls import ALL
from tests.conftest import Person
from tests.database import empty_database

RECORDS = bool(os.environ.get("RECORD"))
FILES = {file.stem: file for file in sorted(FOLDER.iterdir())}
EXCHANGES = [(name, sentence) for name, file in FILES.items() for sentence in exchanges(file)]


@pytest.mark.parametrize(("subject", "sentence"), EXCHANGES)
def test_an_exchange_goes_as_it_was_recorded(
    subject: str,
    sentence: str,
    transactional_db: None,
    person: Callable[..., Person],
    product: Callable[..., int],
    settings: Any,
) -> None:
    # A test that was rolled back has used ids; the recorded ones begin with the first.
    empty_database()
    settings.COMPAT, settings.ROOT_URLCONF = ALL, "tests.compat.urls"
    file = FILES[subject]
    steps = exchanges(file)[sentence]
    player = Player(person, product)
    played = [player.play(step) for step in steps]
    if RECORDS:
        write(file, json.loads(file.read_text("utf-8")) | {sentence: played})
    else:
        assert played == steps
