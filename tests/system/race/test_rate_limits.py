"""Concurrent attempts pass exactly up to the limit."""

from functools import partial
from uuid import uuid4

from larder.identity.services import attempts
from larder.identity.services.attempts import Bucket, Rate
from tests.system.race.shops import OK, Answer, ServiceShop, answered, at_once


def test_one_of_two_concurrent_attempts_passes_a_limit_of_one(transactional_db: None) -> None:
    bucket = Bucket(uuid4(), Rate(1, 3600))

    def take() -> Answer:
        attempts.take([bucket])
        return Answer(OK)

    answers = at_once(ServiceShop(), [partial(answered, take)] * 2)
    assert sum(answer.code == OK for answer in answers) == 1
