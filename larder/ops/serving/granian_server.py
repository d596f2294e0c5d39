"""granian, except for how its processes end.

granian starts every worker again that ended, and so one for ever whose settings are refused
(larder/config/asgi.py). Its workers outlive a main process that is killed, and keep the port. They
wait for answers that do not end by themselves.
"""

import os
from collections.abc import Callable
from functools import partial
from shutil import rmtree
from signal import SIGINT, SIGTERM
from threading import Thread
from time import sleep
from typing import Any

from granian import _signals, cli
from granian._granian import WorkerSignal
from granian.server.mp import MPServer
from prometheus_client.multiprocess import mark_process_dead

from larder.ops.serve import COUNTS, REFUSED, WORKER_INDEX


class Server(MPServer):
    """Ends with REFUSED where granian would start workers again that ended with it."""

    def _spawn_worker(self, idx: int, target: Any, callback_loader: Any) -> Any:  # type: ignore[override]
        begin = partial(_begin, idx, os.getpid(), callback_loader)
        return super()._spawn_worker(idx, target, begin)

    def _respawn_workers(self, workers: list[int], *arguments: Any, **options: Any) -> None:
        processes = [self.wrks[index].inner for index in workers]
        if any(process.exitcode == REFUSED for process in processes):
            self.shutdown(REFUSED)  # type: ignore[no-untyped-call]
        for process in processes:
            mark_process_dead(process.pid)  # type: ignore[no-untyped-call]
        super()._respawn_workers(workers, *arguments, **options)


def _begin(index: int, parent: int, load: Callable[[], Any]) -> Any:
    """Returns the application, in a worker."""
    os.environ[WORKER_INDEX] = str(index)
    Thread(target=_end_with, args=[parent], name="parent", daemon=True).start()
    application = load()
    _signals.set_loop_signals = partial(_set_signals, getattr(application, "stop", lambda: None))
    return application


def _set_signals(stop: Callable[[], None], loop: Any) -> Any:
    """Replaces granian's function: tells the application that the process ends, then granian."""
    ending = WorkerSignal()

    def end() -> None:
        stop()
        ending.set()

    for number in (SIGINT, SIGTERM):
        loop.add_signal_handler(number, end)
    return ending


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        sleep(1)
    os.kill(os.getpid(), SIGTERM)


if __name__ == "__main__":
    cli.Server = Server  # type: ignore[attr-defined]
    try:
        cli.entrypoint()  # type: ignore[no-untyped-call]
    finally:
        rmtree(os.environ[COUNTS], ignore_errors=True)
