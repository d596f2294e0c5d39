"""Servers are replaced behind nginx, and secrets rotated, under load: no request fails."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

from tools.nginx import Front
from tools.proof.site import Kit

SERVERS = 2
SETTINGS = {"TRUSTED_PROXIES": "127.0.0.1/32"}
OTHER_ROLE = "larder_app_b"


def play(kit: Kit) -> None:
    """Take each step of an operator. Any answer but the expected ones is a fault."""
    front = Front(kit.site.folder / "nginx", kit.site.ports)
    try:
        kit.fleet.urls = [f"http://127.0.0.1:{front.port}"]
        kit.fleet.impatience = 0.0
        kit.fleet.open_shop()
        with kit.fleet.running():
            step(kit, "servers and worker replaced", lambda: roll(kit, front))
            step(kit, "signing key rotated", lambda: rotate_key(kit, front))
            step(kit, "database password rotated", lambda: rotate_password(kit, front))
            for number in range(3 if kit.full else 0):
                step(kit, f"rolled again {number}", lambda: roll(kit, front))
            step(kit, "PostgreSQL restarted", lambda: restart_postgresql(kit), is_outage=True)
    finally:
        front.stop()


def step(kit: Kit, name: str, take: Callable[[], None], *, is_outage: bool = False) -> None:
    """Take a step under load, and look at all answers meanwhile. `is_outage`: 503 is expected."""
    kit.fleet.wait_for(20)
    began = time.monotonic()
    take()
    kit.fleet.wait_for(20)
    kit.step(name, time.monotonic() - began, 240.0, began)
    allowed = {200, 201, 409} | ({503} if is_outage else set())
    failed = Counter(
        reply.code for reply in kit.fleet.replies(began) if reply.status not in allowed
    )
    if failed:
        kit.faults.append(f"{name}: requests failed: {dict(failed)}")


def roll(kit: Kit, front: Front) -> None:
    """Replace one server while the other one serves, then the other one and the worker."""
    first, second = kit.site.ports
    for name, serving in (("web0", second), ("web1", first)):
        front.serve([serving, serving])
        kit.site.replace(name)
    front.serve([first, second])
    kit.site.replace("worker")


def rotate_key(kit: Kit, front: Front) -> None:
    """Let all servers know the next key before one signs with it, and the former one afterwards."""
    settings = kit.site.settings
    former, following = settings["SECRET_KEY"], secrets.token_hex(32)
    for key, fallback in ((former, following), (following, former)):
        settings |= {"SECRET_KEY": key, "SECRET_KEY_FALLBACKS": fallback}
        roll(kit, front)


def rotate_password(kit: Kit, front: Front) -> None:
    """Let the next role log in with the next password, while the former one is in use."""
    url = urlsplit(kit.site.settings["DATABASE_URL"])
    former, host = url.username, url.netloc.rpartition("@")[2]
    login = f"{OTHER_ROLE}:{secrets.token_hex(24)}"
    kit.site.settings["DATABASE_URL"] = urlunsplit(url._replace(netloc=f"{login}@{host}"))
    kit.site.manage("prepare")
    roll(kit, front)
    kit.site.sql(f'ALTER ROLE "{former}" NOLOGIN')


def restart_postgresql(kit: Kit) -> None:
    """Do what an update of PostgreSQL does: a fast shutdown, and a start."""
    kit.site.cluster.stop()
    kit.site.cluster.start()
    kit.site.mend()
