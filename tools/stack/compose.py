"""A compose.yaml, as far as processes can do what it says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tools.errors import LauncherError

LINE = re.compile(r"""^(\w+)=(["']?)(.*)\2$""", re.MULTILINE)
VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?::-([^}]*))?\})")
HEALTHY = "service_healthy"
COMPLETED = "service_completed_successfully"


@dataclass(frozen=True)
class Service:
    """One service: what runs, with which files, and what must run before.

    `files` are what is mounted: where it lies here, by its path in the container; `folders` are
    paths in the container that can be written to; `stays` are those of them that are volumes.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    files: Mapping[str, Path]
    folders: tuple[str, ...]
    stays: frozenset[str]
    secrets: Mapping[str, Path]
    needs: Mapping[str, str]
    health: tuple[str, ...]
    unprivileged: bool
    once: bool
    stop: tuple[str, float]

    @property
    def ports(self) -> tuple[int, ...]:
        """Where others look for it, as far as its health check tells."""
        return tuple(
            int(port) for port in re.findall(r"(?::|port=)(\d{2,5})", " ".join(self.health))
        )


def settings(path: Path) -> dict[str, str]:
    """What a file of lines NAME=value says, as compose reads its `.env`; nothing without one."""
    text = path.read_text() if path.exists() else ""
    return {name: value for name, _, value in LINE.findall(text)}


def read(path: Path, variables: Mapping[str, str], *, without: frozenset[str]) -> list[Service]:
    """Every service but those named in `without`; LauncherError for what is not understood."""
    document = _filled(yaml.safe_load(path.read_text()), variables)
    secrets = {
        name: (path.parent / one["file"]).resolve() for name, one in document["secrets"].items()
    }
    return [
        _service(name, one, path.parent, secrets, without)
        for name, one in document["services"].items()
        if name not in without
    ]


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    """Compose's `${NAME:-default}`, in every text of the document; `$$` is a dollar sign."""
    if isinstance(value, dict):
        return {name: _filled(one, variables) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, variables) for one in value]
    if not isinstance(value, str):
        return value
    return VARIABLE.sub(lambda found: found[1] or variables.get(found[2]) or found[3] or "", value)


def _service(
    name: str, given: Any, folder: Path, secrets: Mapping[str, Path], without: frozenset[str]
) -> Service:
    mounts = [str(one).split(":") for one in given.get("volumes", ())]
    volumes = [mount[1] for mount in mounts if not mount[0].startswith(".")]
    signal = str(given.get("stop_signal", "SIGTERM")).removeprefix("SIG")
    command = (*given.get("entrypoint", ()), *given.get("command", ()))
    if not command:
        raise LauncherError(f"Set a command of {name} in compose.yaml: it has none.")
    return Service(
        name=name,
        command=command,
        environment={key: str(one) for key, one in given.get("environment", {}).items()},
        files={
            mount[1]: (folder / mount[0]).resolve() for mount in mounts if mount[0].startswith(".")
        },
        folders=(*volumes, *(str(one).split(":")[0] for one in given.get("tmpfs", ()))),
        stays=frozenset(volumes),
        secrets={one: secrets[one] for one in given.get("secrets", ())},
        needs={
            other: str(need["condition"])
            for other, need in given.get("depends_on", {}).items()
            if other not in without
        },
        health=_health(given.get("healthcheck", {})),
        unprivileged="user" in given,
        once=given.get("restart") == "no",
        stop=(signal, float(str(given.get("stop_grace_period", "10s")).removesuffix("s"))),
    )


def _health(given: Mapping[str, Any]) -> tuple[str, ...]:
    kind, *arguments = given.get("test", ["NONE"])
    return {"CMD": tuple(arguments), "CMD-SHELL": ("sh", "-c", *arguments)}.get(kind, ())
