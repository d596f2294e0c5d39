"""granian, except that the whole server ends if a worker ends with REFUSED.

granian starts every worker again that ended, and so one for ever whose settings are refused
(config/asgi.py).
"""

from typing import Any

from granian import cli
from granian.server.mp import MPServer

from larder.ops.serve import REFUSED


class RefusableServer(MPServer):
    """Ends with REFUSED where granian would start workers again that ended with it."""

    def _respawn_workers(self, workers: list[int], *given: Any, **options: Any) -> None:
        if any(self.wrks[one].inner.exitcode == REFUSED for one in workers):
            self.shutdown(REFUSED)  # type: ignore[no-untyped-call]
        super()._respawn_workers(workers, *given, **options)


if __name__ == "__main__":
    cli.Server = RefusableServer  # type: ignore[attr-defined]
    cli.entrypoint()  # type: ignore[no-untyped-call]
