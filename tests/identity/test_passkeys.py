"""Passkeys as second factors: enrolling, proving, removing, and what is refused."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from larder.core.errors import NotFound
from larder.core.limits import MAX_PASSKEYS
from larder.identity import factors, queries
from larder.identity.errors import LastSecondFactor, SecondFactorWrong, TooManyPasskeys
from larder.identity.factors import Answer, new_challenge
from larder.identity.models import AuditEntry, RecoveryCode, SecondFactor
from larder.identity.queries import credentials
from larder.identity.services import second_factors
from tests.conftest import Person
from tests.identity.authenticator import (
    ORIGIN,
    PRESENT,
    Authenticator,
    encoded,
    enrol_passkey,
    prove_with,
)
from tests.identity.factors import account_of, demanded, enrol, prove_code
from tests.tiers import LONGEST

MakePerson = Callable[..., Person]


def needs_factor(who: Person, proven: UUID | None) -> bool:
    return queries.rights(who.id, proven).needs_factor


def prove(who: Person, answer: Answer, now: datetime) -> UUID:
    return second_factors.prove_passkey(account_of(who), answer, now=now)


def assert_refused(who: Person, answer: Answer, now: datetime) -> None:
    with pytest.raises(SecondFactorWrong):
        prove(who, answer, now)


def test_a_passkey_is_a_factor_in_force_and_proves_it(person: MakePerson, now: datetime) -> None:
    who, device = person(is_staff=True), Authenticator()
    assert not needs_factor(who, None)
    passkey = enrol_passkey(who, device, now)
    assert len(passkey.recovery_codes) == 10
    assert needs_factor(who, None)
    assert prove_with(who, device, now) == passkey.factor
    assert not needs_factor(who, passkey.factor)
    row = SecondFactor.objects.get()
    assert (row.kind, row.name, row.counter, row.last_used_at) == ("passkey", "Key ring", 1, now)


def test_a_passkey_beside_another_factor_leaves_the_recovery_codes(
    person: MakePerson, now: datetime
) -> None:
    who, first, second = person(is_staff=True), Authenticator(), Authenticator()
    phone = enrol(who, now)
    for device in (first, second):
        assert enrol_passkey(who, device, now, proven=phone.factor).recovery_codes == ()
    for device in (first, second):
        assert prove_with(who, device, now)
    assert prove_code(account_of(who), phone.code(now), now=now) == phone.factor
    assert prove_code(account_of(who), phone.recovery_codes[0], now=now)
    kinds = [(factor.kind, factor.name) for factor in credentials.factors(who.id)]
    assert kinds == [("totp", ""), ("passkey", "Key ring"), ("passkey", "Key ring")]


@pytest.mark.parametrize(
    "page",
    [
        {"origin": "https://shop.example.evil.example"},
        {"origin": "http://shop.example"},
        {"origin": "https://shop.example:8443"},
        {"origin": "https://login.shop.example"},
        {"host": "evil.example"},
    ],
)
def test_an_answer_of_another_origin_or_relying_party_is_refused(
    person: MakePerson, now: datetime, page: dict[str, str]
) -> None:
    who, device, challenge = person(is_staff=True), Authenticator(), new_challenge()
    other = Authenticator(**page)  # type: ignore[arg-type]
    answer = Answer(ORIGIN, challenge, other.create(challenge))
    with pytest.raises(SecondFactorWrong):
        second_factors.enrol_passkey(account_of(who), answer, "x", now=now)
    enrol_passkey(who, device, now)
    imitated = replace(other, id=device.id, key=device.key, counter=device.counter)
    assert_refused(who, Answer(ORIGIN, challenge, imitated.get(challenge)), now)
    assert prove_with(who, device, now)


def test_an_answer_to_another_challenge_is_refused(person: MakePerson, now: datetime) -> None:
    who, device = person(is_staff=True), Authenticator(counts=False)
    enrol_passkey(who, device, now)
    former = new_challenge()
    sent = device.get(former)
    assert prove(who, Answer(ORIGIN, former, sent), now)
    for challenge in (new_challenge(), None):
        assert_refused(who, Answer(ORIGIN, challenge, sent), now)
        answer = Answer(ORIGIN, challenge, Authenticator().create(former))
        with pytest.raises(SecondFactorWrong):
            second_factors.enrol_passkey(account_of(who), answer, "x", now=now)


def test_a_passkey_of_another_account_is_refused(person: MakePerson, now: datetime) -> None:
    who, other = person(is_staff=True), person(is_staff=True)
    mine, theirs = Authenticator(), Authenticator()
    enrol_passkey(who, mine, now)
    enrol_passkey(other, theirs, now)
    challenge = new_challenge()
    assert_refused(who, Answer(ORIGIN, challenge, theirs.get(challenge)), now)
    assert_refused(who, Answer(ORIGIN, challenge, replace(theirs, id=mine.id).get(b"x")), now)


def test_a_signature_of_another_key_is_refused(person: MakePerson, now: datetime) -> None:
    who, device, challenge = person(is_staff=True), Authenticator(), new_challenge()
    enrol_passkey(who, device, now)
    forged = Authenticator(id=device.id, counter=5)
    assert_refused(who, Answer(ORIGIN, challenge, forged.get(challenge)), now)
    assert prove_with(who, device, now)


def test_a_signature_without_the_presence_of_a_user_is_refused(
    person: MakePerson, now: datetime
) -> None:
    who, device, challenge = person(is_staff=True), Authenticator(), new_challenge()
    enrol_passkey(who, device, now)
    assert_refused(who, Answer(ORIGIN, challenge, device.get(challenge, flags=0)), now)
    assert prove(who, Answer(ORIGIN, challenge, device.get(challenge, flags=PRESENT)), now)


def test_a_counter_that_goes_back_or_does_not_rise_is_refused(
    person: MakePerson, now: datetime
) -> None:
    who, device = person(is_staff=True), Authenticator(counter=6)
    enrol_passkey(who, device, now)
    prove_with(who, device, now)
    for before in (2, 6, -1):
        copied = replace(device, counter=before)
        with pytest.raises(SecondFactorWrong):
            prove_with(who, copied, now)
    assert prove_with(who, device, now)


def test_a_passkey_that_does_not_count_is_accepted_again(person: MakePerson, now: datetime) -> None:
    who, device = person(is_staff=True), Authenticator(counts=False)
    passkey = enrol_passkey(who, device, now)
    assert [prove_with(who, device, now) for _ in range(2)] == [passkey.factor] * 2


def test_one_of_several_log_ins_with_one_answer_succeeds(
    transactional_db: None, person: MakePerson, now: datetime
) -> None:
    who, device, gate = person(is_staff=True), Authenticator(), Barrier(4)
    enrol_passkey(who, device, now)
    challenge = new_challenge()
    answer = Answer(ORIGIN, challenge, device.get(challenge))

    def call(_: int) -> bool:
        try:
            connection.ensure_connection()
            gate.wait(LONGEST)
            prove(who, answer, now)
        except SecondFactorWrong:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as crowd:
        assert sum(crowd.map(call, range(4))) == 1


def test_a_removed_passkey_is_no_proof_any_more(person: MakePerson, now: datetime) -> None:
    who, device = person(is_staff=True), Authenticator()
    phone = enrol(who, now)
    passkey = enrol_passkey(who, device, now, proven=phone.factor)
    proven = prove_with(who, device, now)
    second_factors.remove(account_of(who, proven=phone.factor), passkey.factor)
    assert needs_factor(who, proven)
    with pytest.raises(SecondFactorWrong):
        prove_with(who, device, now)
    # The other factor and the codes stay.
    assert not needs_factor(who, phone.factor)
    assert prove_code(account_of(who), phone.recovery_codes[0], now=now)


def test_the_last_factor_takes_the_codes_with_it_and_stays_where_one_is_required(
    person: MakePerson, now: datetime
) -> None:
    who, other, device = person(is_staff=True), person(is_staff=True), Authenticator()
    phone = enrol(who, now)
    passkey = enrol_passkey(who, device, now, proven=phone.factor)
    account = account_of(who, proven=passkey.factor)
    with pytest.raises(NotFound):
        second_factors.remove(account_of(other), passkey.factor)
    with demanded():
        second_factors.remove(account, phone.factor)
        with pytest.raises(LastSecondFactor):
            second_factors.remove(account, passkey.factor)
        assert prove_with(who, device, now)
    assert RecoveryCode.objects.exists()
    second_factors.remove(account, passkey.factor)
    assert not RecoveryCode.objects.exists()
    assert not needs_factor(who, None)
    rows = AuditEntry.objects.filter(action="remove_second_factor").order_by("id")
    assert [row.after["kind"] for row in rows] == ["totp", "passkey"]
    added = AuditEntry.objects.filter(action="enrol_second_factor").order_by("id")
    assert [row.after["kind"] for row in added] == ["totp", "passkey"]


def test_the_first_passkey_needs_the_password_alone_and_another_one_a_proof(
    person: MakePerson, now: datetime
) -> None:
    who, device, challenge = person(is_staff=True), Authenticator(), new_challenge()
    asked = Answer(ORIGIN, challenge, device.create(challenge))
    with demanded():
        passkey = second_factors.enrol_passkey(account_of(who), asked, "Key", now=now)
        assert not needs_factor(who, passkey.factor)
        with pytest.raises(SecondFactorWrong):
            second_factors.enrol_passkey(account_of(who), asked, "Key", now=now)


def test_an_account_has_a_limited_number_of_passkeys(person: MakePerson, now: datetime) -> None:
    who = person(is_staff=True)
    phone = enrol(who, now)
    for _ in range(MAX_PASSKEYS):
        enrol_passkey(who, Authenticator(), now, proven=phone.factor)
    with pytest.raises(TooManyPasskeys):
        enrol_passkey(who, Authenticator(), now, proven=phone.factor)
    assert len(credentials.factors(who.id)) == MAX_PASSKEYS + 1


def test_a_key_of_another_algorithm_is_not_enrolled(person: MakePerson, now: datetime) -> None:
    with pytest.raises(SecondFactorWrong):
        enrol_passkey(person(is_staff=True), Authenticator(algorithm=-65535), now)


def test_the_options_name_the_site_the_account_and_its_passkeys(
    person: MakePerson, now: datetime
) -> None:
    who, device, challenge = person(is_staff=True), Authenticator(), new_challenge()
    enrol_passkey(who, device, now)
    known = credentials.passkeys(who.id)
    options = factors.creation_options(ORIGIN, challenge, who.customer.public_id, "anna", known)
    asked = factors.request_options(ORIGIN, challenge, known)
    listed = [{"type": "public-key", "id": encoded(device.id)}]
    assert json.loads(json.dumps(options)) == {
        "rp": {"id": "shop.example", "name": "shop.example"},
        "user": {
            "id": encoded(who.customer.public_id.bytes),
            "name": "anna",
            "displayName": "anna",
        },
        "challenge": encoded(challenge),
        "pubKeyCredParams": [{"type": "public-key", "alg": code} for code in (-7, -8, -257)],
        "excludeCredentials": listed,
        "authenticatorSelection": {
            "residentKey": "preferred",
            "requireResidentKey": False,
            "userVerification": "preferred",
        },
        "attestation": "none",
    }
    assert json.loads(json.dumps(asked)) == {
        "challenge": encoded(challenge),
        "rpId": "shop.example",
        "allowCredentials": listed,
        "userVerification": "preferred",
    }


MALFORMED: list[Any] = ["", "{}", "[]", "null", "1", "[" * 15_000, "x" * 30_000, '{"rawId": 5}']


@pytest.mark.parametrize("text", MALFORMED)
def test_an_answer_that_is_none_is_refused(person: MakePerson, now: datetime, text: str) -> None:
    who, challenge = person(is_staff=True), new_challenge()
    enrol_passkey(who, Authenticator(), now)
    assert_refused(who, Answer(ORIGIN, challenge, text), now)
    with pytest.raises(SecondFactorWrong):
        factors.created(Answer(ORIGIN, challenge, text))


@given(part=st.sampled_from(["attestationObject", "clientDataJSON"]), data=st.binary(max_size=200))
def test_malformed_bytes_are_refused(part: str, data: bytes) -> None:
    challenge = new_challenge()
    sent = json.loads(Authenticator().create(challenge))
    sent["response"][part] = encoded(data)
    with pytest.raises(SecondFactorWrong):
        factors.created(Answer(ORIGIN, challenge, json.dumps(sent)))
