"""Bodies with passwords and tokens: at most 16 KB, refused before they are read."""

from collections.abc import Callable

import pytest

from larder.core.limits import MAX_OPEN_BODY_BYTES
from tests.conftest import Person
from tests.server import Server


@pytest.mark.system
def test_a_public_operation_reads_a_chunked_body_of_at_most_16_kb(
    transactional_db: None, person: Callable[..., Person]
) -> None:
    person("chunk")
    with Server(environment={"COMPAT": "0"}) as running:
        for length, status in ((MAX_OPEN_BODY_BYTES, 200), (MAX_OPEN_BODY_BYTES + 1, 413)):
            body = b'{"username": "chunk", "password": "correct horse"}'
            parts = iter([body, b" " * (length - len(body))])
            connection = running.connect(10)
            connection.request(
                "POST",
                "/auth/",
                parts,
                {"Content-Type": "application/json"},
                encode_chunked=True,
            )
            assert connection.getresponse().status == status
            connection.close()
