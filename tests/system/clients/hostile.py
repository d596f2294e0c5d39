"""A proxy before a shop that loses, repeats and garbles requests and answers."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from subprocess import PIPE, Popen

from tests.server import Server
from tests.system.clients.npm import SDK, require_node

LONGEST = 30
"""Seconds until the last late copy has arrived."""

SEED = 2066802
"""With it, the order meets the page of a captive portal, a loss with a late copy, half an answer
and a double delivery; the log-in and both copies meet other faults first."""


@dataclass
class Network:
    """The port of the proxy. In the end, what happened to each request, by method and path."""

    port: int
    faults: dict[str, list[str | None]] = field(default_factory=dict)


@contextmanager
def hostile(shop: Server, seed: int) -> Iterator[Network]:
    """Runs the proxy before a shop until the block ends and late copies have arrived. Skips the
    test without node.js."""
    require_node()
    environment = os.environ | {"LARDER_URL": f"http://127.0.0.1:{shop.port}"}
    command = ["node", "tests/hostile.js", str(seed)]
    with Popen(command, cwd=SDK, env=environment, stdin=PIPE, stdout=PIPE, text=True) as proxy:
        try:
            assert proxy.stdout is not None
            network = Network(int(proxy.stdout.readline()))
            yield network
            said, _ = proxy.communicate(timeout=LONGEST)
            network.faults.update(json.loads(said))
        finally:
            proxy.kill()
