"""The admin has a text for each type of event, and a word for each move."""

import msgspec

from larder.orders.lifecycle import Move
from larder.staff.model_names import NAMES
from larder.staff.orders.contents import _DESCRIPTIONS, _HAPPENED
from larder.staff.service_words import CODES
from larder.v1.events import EventContent, OrderEvent


def test_each_type_of_event_has_a_text_that_can_be_translated() -> None:
    schema = msgspec.json.schema(OrderEvent)["$defs"]["OrderEvent"]["properties"]["type"]
    types = schema["x-extensible-enum"]
    assert len(types) > 10
    assert [one for one in types if one not in _HAPPENED and one not in CODES] == []


def test_each_member_of_the_data_has_a_sentence_or_a_name_that_can_be_translated() -> None:
    members, words = EventContent.__struct_fields__, {*CODES, *NAMES}
    assert len(members) > 5
    assert [one for one in members if one not in _DESCRIPTIONS and _spaced(one) not in words] == []


def test_each_move_has_a_word_for_the_audit_trail() -> None:
    assert [one for one in Move if _spaced(one) not in CODES] == []


def _spaced(code: str) -> str:
    return code.replace("_", " ")
