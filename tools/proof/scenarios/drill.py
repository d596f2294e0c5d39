"""Processes are killed or frozen under load: nothing is lost, and all is back within seconds."""

import signal
import time
from collections.abc import Callable

from tools.proof.site import Kit, Site, strike

KILLED: dict[str, Callable[[Site], list[int]]] = {
    "kill -9 of one worker of the server": lambda site: site.pids("web0")[1:2],
    "kill -9 of the server and its workers": lambda site: site.pids("web0"),
    "kill -9 of the job worker": lambda site: site.pids("worker"),
    "kill -9 of PostgreSQL's first process": lambda site: site.pids("postmaster"),
    "kill -9 of a session of PostgreSQL": lambda site: site.pids("postgres")[-1:],
}
FROZEN: dict[str, Callable[[Site], list[int]]] = {
    "one worker of the server stopped for 3 s": lambda site: site.pids("web0")[1:2],
    "PostgreSQL stopped for 3 s": lambda site: site.pids("postgres"),
}
ROUNDS, FULL_ROUNDS = 1, 6
BACK_SECONDS = 30.0


def play(kit: Kit) -> None:
    """Each fault once, or as often as there is time for."""
    kit.fleet.open_shop()
    names = [*KILLED, *FROZEN]
    with kit.fleet.running():
        for _ in range(FULL_ROUNDS if kit.full else ROUNDS):
            for name in kit.random.sample(names, len(names)):
                kit.fleet.wait_for(20)
                pids = (KILLED | FROZEN)[name](kit.site)
                strike(pids, signal.SIGKILL if name in KILLED else signal.SIGSTOP)
                if name in FROZEN:
                    time.sleep(3.0)
                    strike(pids, signal.SIGCONT)
                kit.back(name, within=BACK_SECONDS)
