"""A clone of the repository in which commands run as a reader types them."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

from tools.errors import LauncherError
from tools.kept import Keeping, Kept
from tools.processes import wait_until

LONGEST_SECONDS = 3600
"""For one command: with the storage driver vfs an engine builds an image in many minutes."""
READY_SECONDS = 300.0
NEVER = "(?!)"


class Copy:
    """The clone, the environment of its commands, and the command of compose, empty without an
    engine. The methods raise LauncherError."""

    def __init__(self, folder: Path, environment: Mapping[str, str], compose: str) -> None:
        self.folder = folder
        self.environment = environment
        self.compose = compose
        self.address = f"http://localhost:{environment['PORT']}"
        self._browser = build_opener()
        self._server: Kept | None = None

    def run(self, command: str) -> str:
        """Stop the server of serve(), run a command of the shell, and return its output."""
        self.stop()
        with (self.folder / ".output").open("w+b") as output:
            with self._kept(command, output) as kept, suppress(subprocess.TimeoutExpired):
                kept.wait(LONGEST_SECONDS)
            status = kept.status
            output.seek(0)
            printed = output.read().decode(errors="replace")
        if status != 0:
            raise LauncherError(f"status {status}\n{printed[-3000:]}")
        return printed

    def talk(self, command: str, dialogue: Sequence[tuple[str, str]]) -> str:
        """Run a command on a terminal; type each answer after its prompt; return what is shown."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            self._shell(command),
            cwd=self.folder,
            env=self.environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        shown = ""
        try:
            for prompt, answer in dialogue:
                shown += (part := _shown(ours, prompt))
                if not re.search(prompt, part):
                    raise LauncherError(f"It does not ask for {prompt}:\n{shown[-3000:]}")
                os.write(ours, f"{answer}\n".encode())
            return shown + _shown(ours, NEVER)
        finally:
            process.kill()
            process.wait()
            os.close(ours)

    def serve(self, command: str) -> None:
        """Start a server."""
        self.stop()
        with (self.folder / ".output").open("wb") as output:
            self._server = self._kept(f"exec {command}", output)

    def stop(self) -> None:
        """Interrupt the server, if one runs, and wait for its end."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> str:
        """Return the body as soon as the path answers with 200, in the session of log_in()."""
        bodies: list[str] = []

        def answered() -> bool:
            with suppress(OSError, HTTPException):
                bodies.append(self._send(path, None, headers or {}))
            return bool(bodies) or (self._server is not None and self._server.status is not None)

        if not wait_until(answered, READY_SECONDS) or not bodies:
            log = (self.folder / ".output").read_text(errors="replace")
            raise LauncherError(f"{path} does not answer 200.\n{log[-3000:]}")
        return bodies[0]

    def post(self, path: str, body: Mapping[str, str]) -> dict[str, Any]:
        """Post JSON and return the answer."""
        headers = {"Content-Type": "application/json"}
        return dict(json.loads(self._send(path, json.dumps(body).encode(), headers)))

    def log_in(self, account: Mapping[str, str], page: str) -> str:
        """Begin a session of the admin, and return the page to which it leads."""
        self._browser = build_opener(HTTPCookieProcessor())
        path = "/admin/login/"
        token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', self.get(path))
        form = {**account, "csrfmiddlewaretoken": token[1] if token else "", "next": page}
        shown = self._send(path, urlencode(form).encode(), {})
        if 'name="password"' in shown:
            raise LauncherError(f"The admin refuses {account['username']}.")
        return shown

    def _send(self, path: str, body: bytes | None, headers: Mapping[str, str]) -> str:
        request = Request(f"{self.address}{path}", body, dict(headers))  # noqa: S310
        with self._browser.open(request, timeout=READY_SECONDS) as answer:
            return bytes(answer.read()).decode()

    def _kept(self, command: str, output: IO[bytes]) -> Kept:
        return Kept(
            self._shell(command),
            Keeping(stop=(("INT", 30.0),)),
            environment=self.environment,
            output=output,
            folder=self.folder,
        )

    def _shell(self, command: str) -> list[str]:
        return ["/bin/sh", "-c", re.sub(r"^docker-compose\b", self.compose, command)]


def _shown(terminal: int, prompt: str) -> str:
    """Return what a terminal shows until the prompt, the end of its program, or a long silence."""
    shown = ""
    with suppress(OSError):  # The end.
        while not re.search(prompt, shown) and select.select([terminal], [], [], READY_SECONDS)[0]:
            shown += os.read(terminal, 4096).decode(errors="replace")
    return shown
