"""Concurrent attempts pass exactly up to the limit."""

from uuid import uuid4

from larder.identity.services import rates
from larder.identity.services.rates import Bucket, Rate
from tests.system.race.shops import OK, Answer, ServiceShop, answered, at_once


def test_one_of_two_concurrent_attempts_passes_a_limit_of_one(transactional_db: None) -> None:
    bucket = Bucket(uuid4(), Rate(1, 3600))

    def take() -> Answer:
        return answered(lambda: Answer(OK, rates.take([bucket])))

    answers = at_once(ServiceShop(), [take] * 2)
    assert sum(answer.code == OK for answer in answers) == 1
