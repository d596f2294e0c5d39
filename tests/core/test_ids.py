"""Ids are created by the application and sort by time."""

from uuid import UUID

from larder.core.ids import SYSTEM_ACTOR, new_id


def test_ids_are_version_seven_and_sort_by_time() -> None:
    ids = [new_id() for _ in range(1_000)]
    assert {id.version for id in ids} == {7}
    assert ids == sorted(ids)
    assert len(set(ids)) == 1_000


def test_the_system_actor_is_not_an_id_of_a_customer() -> None:
    assert UUID(int=0) == SYSTEM_ACTOR
    assert new_id() > SYSTEM_ACTOR
