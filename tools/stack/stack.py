"""All services: each started when what it needs is there, watched over, and stopped."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from tools.errors import LauncherError
from tools.folders import open_folder
from tools.stack import compose, places, programs
from tools.stack.places import Place
from tools.stack.process import Process

CHECKOUT = Path(__file__).resolve().parents[2]
DEPLOY = CHECKOUT / "deploy" / "compose"
# Grafana is in no distribution's archive; it shows what Prometheus has.
WITHOUT = frozenset({"grafana"})
READY_SECONDS = 120.0
POLL_SECONDS = 0.1
FREE_MEGABYTES = 512
FRONT_PORT = 8443


class Stack:
    """`with Stack(folder) as stack: stack.url`. Everything it has lies in the folder.

    `variables` are those of compose.yaml (`${WORKERS:-2}`). LauncherError of one line, or with the
    end of a log below it, when something does not start.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str] | None = None) -> None:
        self.folder = folder.absolute()
        self._variables = dict(variables or {})
        self.processes: dict[str, Process] = {}
        self.addresses: Mapping[str, str] = {}
        self._watch: threading.Thread | None = None
        self._ended = threading.Event()

    @property
    def url(self) -> str:
        """nginx."""
        return f"https://{self.addresses['nginx']}:{FRONT_PORT}"

    @property
    def certificate(self) -> Path:
        """What nginx shows; it is for the host name `localhost`."""
        return self.folder / "secrets" / "tls_certificate"

    def __getitem__(self, service: str) -> Process:
        return self.processes[service]

    def start(self) -> None:
        """Start everything; return when every health check has passed."""
        self.lay_out()
        try:
            self._start_in_order()
        except BaseException:
            self.stop()
            raise
        self._watch = threading.Thread(target=self._tend, daemon=True)
        self._watch.start()

    def lay_out(self) -> None:
        """Secrets, an address and a folder for each service; nothing is started."""
        os.chdir(CHECKOUT)
        open_folder(self.folder, free_megabytes=FREE_MEGABYTES)
        self.folder.chmod(0o711)
        services = self._read()
        found = programs.find(services, self.folder)
        self._make_secrets()
        self.addresses = places.addresses(services)
        services = self._read()
        for one in services:
            place = Place(one, self.folder, self.addresses)
            self.processes[one.name] = Process(one, place, found)

    def _read(self) -> list[compose.Service]:
        own = self.addresses.get("nginx", "")
        variables = {
            "PUBLIC_URL": f"https://{own}:{FRONT_PORT}",
            # From here nginx comes, whatever its own address is.
            "TRUSTED_PROXIES": "127.0.0.1/32",
            **self._variables,
            # This set's own, whatever the containers' are.
            "SECRETS": str(self.folder / "secrets"),
            "ALLOWED_HOSTS": f"{self._variables.get('ALLOWED_HOSTS') or 'localhost'},{own}",
        }
        return compose.read(DEPLOY / "compose.yaml", variables, without=WITHOUT)

    def _make_secrets(self) -> None:
        made = subprocess.run(
            ["/bin/sh", DEPLOY / "secrets.sh", self.folder / "secrets"],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            raise LauncherError(f"Read why the secrets were not made: {made.stderr.strip()}")

    def _start_in_order(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while late := [one for one in self.processes.values() if not self._up(one)]:
            for one in late:
                if not one.started and self._needs_met(one):
                    one.start()
                one.tend()
            if time.monotonic() > deadline:
                raise late[0].failure(f"{late[0].name} is not ready after {READY_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)

    def _up(self, process: Process) -> bool:
        return process.done if process.service.once else process.healthy

    def _needs_met(self, process: Process) -> bool:
        return all(self._up(self.processes[name]) for name in process.service.needs)

    def _tend(self) -> None:
        while not self._ended.wait(POLL_SECONDS):
            for one in self.processes.values():
                one.tend()

    def stop(self) -> None:
        """Stop everything, nginx first, in reverse order."""
        self._ended.set()
        if self._watch is not None:
            self._watch.join()
        for name in self._backwards():
            self.processes[name].stop()

    def _backwards(self) -> list[str]:
        order: list[str] = []
        while len(order) < len(self.processes):
            order += [
                name
                for name, one in self.processes.items()
                if name not in order and set(one.service.needs) <= set(order)
            ]
        return order[::-1]

    def __enter__(self) -> Stack:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
