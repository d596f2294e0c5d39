"""The service of second factors: enrolling, proving, removing and resetting."""

from base64 import b32encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from django.core.management import call_command
from django.db import connection

from larder.core.errors import NotFound, NotStaff, PermissionMissing
from larder.db import database
from larder.http.authentication import secrets
from larder.identity import factors, queries
from larder.identity.errors import LastSecondFactor, SecondFactorWrong, SessionEnded
from larder.identity.models import AuditEntry, RecoveryCode, SecondFactor
from larder.identity.services import accounts, audit, second_factors
from tests.conftest import Person
from tests.identity.factors import account_of, code_of, demanded, enrol, prove_code
from tests.tiers import LONGEST

MakePerson = Callable[..., Person]
OLD = ["the first secret of these tests, long enough"]
NEW = ["the secret that came after it, long enough", *OLD]
STEP = timedelta(seconds=30)


def test_a_code_of_the_app_is_accepted_once(person: MakePerson, now: datetime) -> None:
    who = person(is_staff=True)
    phone, account = enrol(who, now), account_of(who)
    assert prove_code(account, phone.code(now), now=now) == phone.factor
    for _ in range(2):
        with pytest.raises(SecondFactorWrong):
            prove_code(account, phone.code(now), now=now)
    later = now + STEP
    assert prove_code(account, phone.code(later), now=later) == phone.factor


@pytest.mark.parametrize(
    ("steps", "fits"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
def test_the_clock_of_the_phone_may_differ_by_one_step(
    person: MakePerson, now: datetime, steps: int, fits: bool
) -> None:
    who = person(is_staff=True)
    phone = enrol(who, now)
    code = phone.code(now + steps * STEP)
    if fits:
        assert prove_code(account_of(who), code, now=now) == phone.factor
        return
    with pytest.raises(SecondFactorWrong):
        prove_code(account_of(who), code, now=now)


def test_a_code_before_the_last_one_is_refused(person: MakePerson, now: datetime) -> None:
    who = person(is_staff=True)
    phone, account = enrol(who, now), account_of(who)
    prove_code(account, phone.code(now), now=now)
    with pytest.raises(SecondFactorWrong):
        prove_code(account, phone.code(now - STEP), now=now)


def test_one_of_two_log_ins_with_one_code_succeeds(
    transactional_db: None, person: MakePerson, now: datetime
) -> None:
    for code_at in range(3):
        moment = now + code_at * 4 * STEP
        who, gate = person(is_staff=True), Barrier(4)
        phone, account = enrol(who, moment), account_of(who)

        def call(typed: str) -> bool:
            try:
                connection.ensure_connection()
                gate.wait(LONGEST)  # noqa: B023
                prove_code(account, typed, now=moment)  # noqa: B023
            except SecondFactorWrong:
                return False
            finally:
                connection.close()
            return True

        for typed in (phone.code(moment), phone.recovery_codes[0]):
            with ThreadPoolExecutor(4) as crowd:
                done = [future.result() for future in [crowd.submit(call, typed) for _ in range(4)]]
            assert sum(done) == 1


def test_a_recovery_code_is_accepted_once_in_any_spelling(
    person: MakePerson, now: datetime
) -> None:
    who = person(is_staff=True)
    phone, account = enrol(who, now), account_of(who)
    assert len(set(phone.recovery_codes)) == 10
    first, second, *_ = phone.recovery_codes
    assert prove_code(account, first, now=now)
    assert prove_code(account, f" {second.lower().replace('-', ' ')} ", now=now)
    for used in (first, second):
        with pytest.raises(SecondFactorWrong):
            prove_code(account, used, now=now)


def test_codes_and_secrets_are_not_stored_in_clear(person: MakePerson, now: datetime) -> None:
    who = person(is_staff=True)
    phone = enrol(who, now)
    prove_code(account_of(who), phone.recovery_codes[0], now=now)
    stored = str(database.rows("SELECT data::text FROM second_factor"))
    stored += str(database.rows("SELECT digest::text FROM recovery_code"))
    stored += str(database.rows("SELECT entry::text FROM audit_entry AS entry"))
    texts = [b32encode(phone.secret).decode(), *phone.recovery_codes]
    for text in (*texts, *(factors.normalised(code) for code in phone.recovery_codes)):
        assert text not in stored
        assert text.encode().hex() not in stored
    assert phone.secret.hex() not in stored


WRONG = ("", "0", "12345", "1234567", "abcdef", "000 00\0", "\0", "١٢٣٤٥٦", "x" * 100_000, "-" * 16)


@pytest.mark.parametrize("typed", WRONG)
def test_an_invalid_code_is_wrong(person: MakePerson, now: datetime, typed: str) -> None:
    who = person(is_staff=True)
    enrol(who, now)
    with pytest.raises(SecondFactorWrong):
        prove_code(account_of(who), typed, now=now)


def test_codes_of_another_account_are_wrong(person: MakePerson, now: datetime) -> None:
    who, other = person(is_staff=True), person(is_staff=True)
    phone = enrol(who, now)
    enrol(other, now)
    for typed in (phone.code(now), phone.recovery_codes[0]):
        with pytest.raises(SecondFactorWrong):
            prove_code(account_of(other), typed, now=now)


def test_a_secret_copied_to_another_account_is_refused(person: MakePerson, now: datetime) -> None:
    who, other = person(is_staff=True), person(is_staff=True)
    phone = enrol(who, now)
    enrol(other, now)
    credential = SecondFactor.objects.get(customer=who.id).credential
    SecondFactor.objects.filter(customer=other.id).update(credential=credential)
    with pytest.raises(SecondFactorWrong):
        prove_code(account_of(other), phone.code(now), now=now)


def test_a_code_used_after_a_key_rotation_makes_the_old_key_unnecessary(
    person: MakePerson, now: datetime
) -> None:
    who, idle = person(is_staff=True), person(is_staff=True)
    phone, other = enrol(who, now, OLD), enrol(idle, now, OLD)
    assert prove_code(account_of(who), phone.code(now), now=now, keys=NEW)
    later = now + STEP
    assert prove_code(account_of(who), phone.code(later), now=later, keys=NEW[:1])
    with pytest.raises(SecondFactorWrong):
        prove_code(account_of(idle), other.code(now), now=now, keys=NEW[:1])
    # Recovery codes do not depend on the secret.
    assert prove_code(account_of(idle), other.recovery_codes[0], now=now, keys=NEW[:1])


def test_an_enrolment_is_confirmed_by_a_code_which_is_used_then(
    person: MakePerson, now: datetime
) -> None:
    account, secret = account_of(person(is_staff=True)), factors.new_secret()
    for wrong in (code_of(secret, now - 5 * STEP), *WRONG):
        with pytest.raises(SecondFactorWrong):
            second_factors.enrol_app(account, secret, wrong, secrets=secrets(), now=now)
    assert not SecondFactor.objects.exists()
    code = code_of(secret, now)
    enrolled = second_factors.enrol_app(account, secret, code, secrets=secrets(), now=now)
    with pytest.raises(SecondFactorWrong):
        prove_code(account, code, now=now)
    assert len(enrolled.recovery_codes) == 10


def test_a_new_app_replaces_the_former_one_and_its_recovery_codes(
    person: MakePerson, now: datetime
) -> None:
    who = person(is_staff=True)
    first = enrol(who, now)
    second = enrol(who, now, proven=first.factor)
    assert len(second.recovery_codes) == 10
    with pytest.raises(SecondFactorWrong):
        prove_code(account_of(who), first.code(now), now=now)
    assert prove_code(account_of(who), second.code(now), now=now) == second.factor
    with pytest.raises(SecondFactorWrong):
        prove_code(account_of(who), first.recovery_codes[3], now=now)
    assert prove_code(account_of(who), second.recovery_codes[3], now=now)


def test_an_app_enrolled_after_a_reset_has_new_codes_and_ends_the_former_ones(
    person: MakePerson, now: datetime
) -> None:
    who = person(is_staff=True)
    account = account_of(who)
    for is_reset in (True, False):
        former = enrol(who, now)
        if is_reset:
            second_factors.reset(None, who.id)
        else:
            second_factors.remove(replace(account, factor=former.factor), former.factor)
        fresh = enrol(who, now)
        assert len(fresh.recovery_codes) == 10
        with pytest.raises(SecondFactorWrong):
            prove_code(account, former.recovery_codes[3], now=now)
        assert prove_code(account, fresh.recovery_codes[3], now=now)
        second_factors.remove(replace(account, factor=fresh.factor), fresh.factor)


def test_new_recovery_codes_end_the_former_ones(person: MakePerson, now: datetime) -> None:
    who = person(is_staff=True)
    account = account_of(who)
    with pytest.raises(NotFound):
        second_factors.renew_recovery_codes(account, now=now)
    phone = enrol(who, now)
    fresh = second_factors.renew_recovery_codes(replace(account, factor=phone.factor), now=now)
    with pytest.raises(SecondFactorWrong):
        prove_code(account, phone.recovery_codes[0], now=now)
    assert prove_code(account, fresh[0], now=now)


def test_staff_who_need_a_factor_cannot_remove_their_last_one(
    person: MakePerson, now: datetime
) -> None:
    who = person(is_staff=True)
    phone = enrol(who, now)
    account = account_of(who, proven=phone.factor)
    with demanded(), pytest.raises(LastSecondFactor):
        second_factors.remove(account, phone.factor)
    assert prove_code(account, phone.code(now), now=now)
    second_factors.remove(account, phone.factor)
    assert not RecoveryCode.objects.exists()
    assert not queries.rights(who.id).needs_factor


def test_only_staff_with_the_permission_reset_factors(person: MakePerson, now: datetime) -> None:
    owner, support = person(is_staff=True, role="owner"), person(is_staff=True, role="support")
    boss, who = person(is_staff=True, is_superuser=True), person(is_staff=True, role="viewer")
    enrol(who, now)
    enrol(boss, now)
    refused = [(support, who, PermissionMissing), (who, who, PermissionMissing)]
    for actor, whose, kind in [
        *refused,
        (owner, boss, PermissionMissing),
        (person(), who, NotStaff),
    ]:
        with pytest.raises(kind):
            second_factors.reset(actor.caller, whose.id)
    assert SecondFactor.objects.count() == 2
    second_factors.reset(owner.caller, who.id)
    assert not SecondFactor.objects.filter(customer=who.id).exists()
    assert not RecoveryCode.objects.filter(customer=who.id).exists()


def test_the_audit_trail_has_each_step_without_a_code(person: MakePerson, now: datetime) -> None:
    who, owner = person(is_staff=True), person(is_staff=True, role="owner")
    phone = enrol(who, now)
    account = account_of(who, proven=phone.factor)
    prove_code(account, phone.recovery_codes[0], now=now)
    second_factors.renew_recovery_codes(account, now=now)
    second_factors.remove(account, phone.factor)
    with audit.acting(owner.customer.public_id, "admin"):
        second_factors.reset(owner.caller, who.id)
    rows = AuditEntry.objects.filter(object=f"customer:{who.customer.public_id}").order_by("id")
    assert [(row.action, row.actor == who.customer.public_id) for row in rows] == [
        ("enrol_second_factor", True),
        ("make_recovery_codes", True),
        ("use_recovery_code", True),
        ("make_recovery_codes", True),
        ("remove_second_factor", True),
        ("reset_second_factor", False),
    ]
    assert {row.channel for row in rows} == {"admin"}
    assert rows[2].after == {"left": 9}


def test_a_deleted_account_has_no_factors(person: MakePerson, now: datetime) -> None:
    who = person()
    enrol(who, now)
    accounts.delete_account(who.id, now=now)
    assert not SecondFactor.objects.exists()
    assert not RecoveryCode.objects.exists()
    with pytest.raises(SessionEnded):
        enrol(who, now)


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_a_restore_ends_the_codes_and_keeps_the_factors(person: MakePerson, now: datetime) -> None:
    who = person(is_staff=True)
    phone = enrol(who, now)
    call_command("end_sessions_and_keys")
    assert not RecoveryCode.objects.exists()
    assert prove_code(account_of(who), phone.code(now), now=now)
