"""Requests that no honest client sends are refused with a problem.

The client of these tests checks every answer against the document: the operation documents the
status, the media type and the code, and none is a 5xx.
"""

from collections.abc import Callable

from tests.conftest import Api
from tests.v1.hostile_requests import ALL


def test_each_hostile_request_is_refused_with_its_code_and_faults(customer: Api) -> None:
    for sent in ALL:
        answer = customer(sent.method, sent.path, sent.body, **sent.headers)
        assert (answer.status, answer.body["code"]) == (sent.status, sent.code), sent
        pointers = [fault["pointer"] for fault in answer.body.get("errors", [])]
        assert sorted(pointers) == sorted(sent.pointers or ()), sent


def test_a_body_may_be_full_of_faults_without_filling_the_memory(customer: Api) -> None:
    names = ",".join(f'"{number}":"\\u0000"' for number in range(90_000))
    answer = customer("POST", "orders", f"{{{names}}}".encode())
    assert (answer.status, len(answer.body["errors"])) == (400, 1_000)
    assert max(len(fault["pointer"]) for fault in answer.body["errors"]) <= 1_000


def test_an_answer_does_not_repeat_a_long_name_of_an_unknown_field(customer: Api) -> None:
    answer = customer("POST", "orders", {"lines": [], "~" * 1_000_000: 1})
    assert answer.status == 400
    assert max(len(fault["pointer"]) for fault in answer.body["errors"]) == 1_000


def test_the_last_of_duplicate_names_counts(customer: Api, product: Callable[..., int]) -> None:
    line = b'{"product":1,"product":%d,"quantity":"x","quantity":2}' % product()
    placed = customer("POST", "orders", b'{"lines":5,"lines":[' + line + b"]}")
    assert (placed.status, placed.body["lines"][0]["quantity"]) == (201, 2)


def test_a_text_in_any_language_keeps_its_joiners_and_marks(
    customer: Api, product: Callable[..., int]
) -> None:
    persian, emoji = "\u0645\u06cc\u200c\u0631\u0648\u062f", "\U0001f469\u200d\U0001f680"
    note = f"{persian} {emoji} \u200f7\u200e \\u202e \u2025"
    placed = customer(
        "POST", "orders", {"lines": [{"product": product(), "quantity": 1}], "note": note}
    )
    assert (placed.status, placed.body["note"]) == (201, note)


HARMLESS = [
    {"Range": "bytes=0-1"},
    {"If_None_Match": "\xff"},
    {"If_Modified_Since": "never"},
    {"If_Match": "garbage"},
    {"Accept": "application/json; q=0.1, text/html"},
    {"Accept": "application/*"},
    {"Accept": "APPLICATION/JSON"},
    {"Accept": "application/problem+json"},
    {"Accept": ""},
    {"Accept_Language": "\xff"},
    {"Accept_Encoding": "gzip;q=x"},
    {"Cookie": "sessionid=\xff; csrftoken=\x00"},
    {"X_Forwarded_Host": "evil.example"},
    {"X_HTTP_Method_Override": "DELETE"},
    {"Content_Type": "nonsense"},
]


def test_irrelevant_headers_are_ignored(customer: Api) -> None:
    plain = customer("GET", "me").body
    for headers in HARMLESS:
        answer = customer("GET", "me", **headers)
        assert (answer.status, answer.body) == (200, plain), headers


def test_unusual_but_valid_queries_are_answered(customer: Api) -> None:
    for query in ("q=%FF", "q=%ED%A0%80", "unknown=%00", "%00=1", "q=' OR 1=1"):
        assert customer("GET", f"products?{query}").status == 200, query
