"""A document that many clients request after a start is generated once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.server import Server
from tools.processes import children

pytestmark = pytest.mark.system


def cpu_seconds(server: Server) -> float:
    """What the server's processes have used."""
    found = [Path(f"/proc/{pid}/stat").read_text() for pid in children(server.pid)]
    parts = [one.rpartition(")")[2].split() for one in found]
    return sum(int(one[11]) + int(one[12]) for one in parts) / 100


def test_a_document_is_generated_once_for_concurrent_requests(transactional_db: None) -> None:
    with Server(workers=1) as alone:
        before = cpu_seconds(alone)
        assert alone.call("GET", "openapi.json").status == 200
        once = cpu_seconds(alone) - before
    with Server(workers=1) as running, ThreadPoolExecutor(16) as pool:
        before = cpu_seconds(running)
        answers = list(pool.map(lambda _: running.call("GET", "openapi.json").status, range(16)))
        assert answers == [200] * 16
        assert cpu_seconds(running) - before < 3 * once + 1
