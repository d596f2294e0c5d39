"""An Insomnia collection, export format 4, which every Insomnia imports, from 9.1 with scripts.

Not format 5: versions before 10.3 do not know it. And no response tags: an import gives requests
new ids, which the tags then do not find (github.com/Kong/insomnia/issues/9162); a script after
the answer keeps what later requests need.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from tools.clients.requests import Folder, Request, member
from tools.clients.step import VARIABLES, Step

Json = dict[str, Any]
WORKSPACE = "wrk_larder"


def collection(folders: Sequence[Folder], about: str) -> Json:
    """The whole collection: a workspace, its variables, its folders."""
    return {
        "_type": "export",
        "__export_format": 4,
        "__export_source": "larder",
        "resources": [*_resources(folders, about)],
    }


def _resources(folders: Sequence[Folder], about: str) -> Iterator[Json]:
    yield {
        "_id": WORKSPACE,
        "_type": "workspace",
        "parentId": None,
        "name": "Larder",
        "description": about,
        "scope": "collection",
    }
    yield {
        "_id": "env_larder",
        "_type": "environment",
        "parentId": WORKSPACE,
        "name": "Base Environment",
        "data": dict(VARIABLES),
    }
    for number, folder in enumerate(folders, 1):
        group = f"fld_larder_{number}"
        yield {
            "_id": group,
            "_type": "request_group",
            "parentId": WORKSPACE,
            "name": folder.name,
            "description": folder.about,
            "metaSortKey": number,
        }
        for place, request in enumerate(folder.requests, 1):
            yield _request(request, group, place) | {"_id": f"req_larder_{number}_{place}"}


def _request(request: Request, group: str, place: int) -> Json:
    step = request.step
    headers = [
        *request.headers,
        *([("Authorization", step.by)] if step.by.startswith("Token ") else []),
    ]
    body = {"mimeType": step.media_type, "text": _tagged(step.text)} if step.text else {}
    return {
        "_type": "request",
        "parentId": group,
        "metaSortKey": place,
        "name": request.name,
        "description": request.about,
        "method": step.method,
        "url": _tagged(f"{{{{base_url}}}}{step.target}"),
        "headers": [{"name": name, "value": _tagged(value)} for name, value in headers],
        "body": body,
        "authentication": _credentials(step),
        "afterResponseScript": "\n".join(_script(request)),
    }


def _tagged(text: str) -> str:
    """Variables and UUIDs as Insomnia writes them."""
    text = text.replace("{{$guid}}", "{% uuid 'v4' %}")
    return re.sub(r"\{\{(\w+)\}\}", r"{{ _.\1 }}", text)


def _credentials(step: Step) -> Json:
    scheme, _, value = step.by.partition(" ")
    if scheme == "Basic":
        name, password = _tagged(value), _tagged(value.replace("username", "password"))
        return {"type": "basic", "username": name, "password": password}
    if scheme == "Bearer":
        return {"type": "bearer", "token": _tagged(value)}
    return {}


def _script(request: Request) -> list[str]:
    kept = [
        f'insomnia.baseEnvironment.set("{name}", {member(keep, of="insomnia.response.json()")});'
        for name, keep in request.step.keeps.items()
    ]
    status = request.status
    judged = (
        f'insomnia.test("{status}", () => insomnia.expect(insomnia.response.code)'
        f".to.eql({status}));"
    )
    return [judged, *kept]
