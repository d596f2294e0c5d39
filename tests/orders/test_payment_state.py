"""The balances and the state that follow from the records of payments."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from larder.core.ids import SYSTEM_ACTOR
from larder.orders.payment_state import (
    NOTHING,
    Balances,
    Kind,
    Record,
    State,
    amount_due,
    balances,
    payable,
    refund_due,
    state,
)

AT = datetime(2026, 3, 1, tzinfo=UTC)
AMOUNTS = st.integers(1, 500)


def record(kind: str, amount: int, transaction: str = "t", intent: str = "") -> Record:
    return Record(0, "stripe", kind, transaction, intent, amount, "GBP", AT, AT, SYSTEM_ACTOR)


@st.composite
def records(draw: st.DrawFn) -> list[Record]:
    """Records as the table can have them: one of each kind and transaction."""
    drawn = draw(
        st.lists(
            st.builds(
                Record,
                st.just(0),
                st.sampled_from(["stripe", "cash"]),
                st.sampled_from(list(Kind)),
                st.sampled_from(["a", "b", "c"]),
                st.sampled_from(["", "i", "j"]),
                AMOUNTS,
                st.just("GBP"),
                st.just(AT),
                st.just(AT),
                st.just(SYSTEM_ACTOR),
            ),
            max_size=12,
        )
    )
    return list({(row.provider, row.kind, row.transaction_id): row for row in drawn}.values())


@given(records(), st.randoms(use_true_random=False))
def test_neither_the_order_nor_failures_nor_other_providers_matter(
    records: list[Record], chance: object
) -> None:
    sums, shuffled = balances(records), records[:]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert balances(shuffled) == sums
    assert balances([record for record in records if record.kind != Kind.FAILED]) == sums
    # Ids are unique for each provider only.
    elsewhere = [replace(record, provider=f"other {record.provider}") for record in records]
    amounts = (sums.authorised, sums.captured, sums.refunded, sums.disputed)
    assert balances([*records, *elsewhere]) == Balances(*(2 * amount for amount in amounts))


@given(records(), AMOUNTS)
def test_the_state_agrees_with_the_amounts(records: list[Record], payable: int) -> None:
    sums = balances(records)
    now, due, refund = state(sums, payable), amount_due(sums, payable), refund_due(sums, payable)
    assert due - refund == payable - sums.held
    assert 0 in {due, refund}
    if now is State.OVERPAID:
        assert refund
    if now is State.PAID:
        assert due == refund == 0
    if now in {State.UNPAID, State.AUTHORISED, State.PART_PAID}:
        assert due


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], State.UNPAID),
        ([record("failed", 100)], State.UNPAID),
        ([record("authorised", 100)], State.AUTHORISED),
        ([record("authorised", 100), record("authorisation_released", 100)], State.UNPAID),
        ([record("authorised", 100), record("captured", 40)], State.PART_PAID),
        ([record("captured", 100), record("failed", 100)], State.PAID),
        ([record("captured", 100), record("captured", 100, "u")], State.OVERPAID),
        ([record("captured", 100), record("refunded", 40, "r")], State.PART_REFUNDED),
        ([record("captured", 100), record("refunded", 100, "r")], State.REFUNDED),
        (
            [
                record("captured", 100),
                record("refunded", 100, "r"),
                record("refund_failed", 100, "r"),
            ],
            State.PAID,
        ),
        ([record("captured", 100), record("disputed", 100, "d")], State.DISPUTED),
        (
            [record("captured", 100), record("disputed", 100, "d"), record("dispute_won", 1, "d")],
            State.PAID,
        ),
    ],
)
def test_the_state_of_each_set_of_records(records: Sequence[Record], expected: State) -> None:
    assert state(balances(records), 100) is expected


def test_a_capture_under_another_id_ends_the_authorisation_of_its_intent() -> None:
    authorised = record("authorised", 100, "auth", "intent")
    captured = record("captured", 60, "capture", "intent")
    assert balances([authorised, captured]) == Balances(captured=60)
    other = replace(captured, intent="another")
    assert balances([authorised, other]) == Balances(authorised=100, captured=60)


def test_records_without_an_intent_are_not_linked() -> None:
    assert balances([record("authorised", 5, "a"), record("captured", 5, "b")]) == Balances(5, 5)


def test_a_disputed_amount_is_not_refunded_as_well() -> None:
    sums = balances([record("captured", 100), record("disputed", 70, "d")])
    assert (sums.held, refund_due(sums, 0)) == (30, 30)


def test_refunds_above_the_captured_amount_leave_nothing_held() -> None:
    sums = balances([record("captured", 10), record("refunded", 30, "r")])
    assert (sums.held, amount_due(sums, 100), refund_due(sums, 0)) == (0, 100, 0)


def test_nothing_is_payable_for_a_cancelled_order() -> None:
    assert payable("cancelled", Decimal("12.345"), "GBP") == 0
    assert payable("placed", Decimal("12.345"), "GBP") == 1235


def test_what_is_due_in_a_currency_of_three_decimals_ends_in_zero() -> None:
    assert payable("placed", Decimal("12.345"), "KWD") == 12350
    assert payable("placed", Decimal("12.344"), "KWD") == 12340
    assert (amount_due(NOTHING, 1235), refund_due(NOTHING, 1235)) == (1235, 0)
