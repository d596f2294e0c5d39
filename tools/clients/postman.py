"""A Postman collection, format 2.1 (schema.getpostman.com/json/collection/v2.1.0)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tools.clients.requests import Folder, Request, member
from tools.clients.step import VARIABLES, Step

Json = dict[str, Any]


def collection(folders: Sequence[Folder], about: str) -> Json:
    """The whole collection; variables that answers give are empty at first."""
    return {
        "info": {
            "name": "Larder",
            "description": about,
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "variable": [{"key": name, "value": value} for name, value in _variables(folders)],
        "item": [
            {
                "name": folder.name,
                "description": folder.about,
                "item": [_item(request) for request in folder.requests],
            }
            for folder in folders
        ],
    }


def _variables(folders: Iterable[Folder]) -> list[tuple[str, str]]:
    kept = {name: "" for folder in folders for one in folder.requests for name in one.step.keeps}
    return [*VARIABLES.items(), *sorted(kept.items())]


def _item(request: Request) -> Json:
    step = request.step
    sent: Json = {
        "method": step.method,
        "description": request.about,
        "url": f"{{{{base_url}}}}{step.target}",
        "header": [{"key": name, "value": value} for name, value in request.headers],
        "auth": _credentials(step),
    }
    if step.text:
        language = "json" if step.media_type == "application/json" else "text"
        options = {"raw": {"language": language}}
        sent["body"] = {"mode": "raw", "raw": step.text, "options": options}
    script = {"type": "text/javascript", "exec": _script(request)}
    return {
        "name": request.name,
        "event": [{"listen": "test", "script": script}],
        "request": sent,
    }


def _credentials(step: Step) -> Json:
    scheme, _, value = step.by.partition(" ")
    if scheme == "Basic":
        return _auth("basic", username=value, password=value.replace("username", "password"))
    if scheme == "Bearer":
        return _auth("bearer", token=value)
    if scheme == "Token":
        return _auth("apikey", key="Authorization", value=step.by, **{"in": "header"})
    return {"type": "noauth"}


def _auth(kind: str, **members: str) -> Json:
    rows = [{"key": key, "value": value, "type": "string"} for key, value in members.items()]
    return {"type": kind, kind: rows}


def _script(request: Request) -> list[str]:
    kept = [
        f'pm.collectionVariables.set("{name}", {member(keep, of="pm.response.json()")});'
        for name, keep in request.step.keeps.items()
    ]
    status = request.status
    judged = f'pm.test("{status}", () => pm.response.to.have.status({status}));'
    return [judged, *kept]
