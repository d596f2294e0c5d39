"""Copies of nginx's configuration files in deploy/, which run on this machine without TLS."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT / "deploy" / "nginx" / "larder"
"""What every main file includes."""
LUA = Path("/etc/nginx/modules-enabled/50-mod-http-lua.conf")
"""Says that nginx has its Lua module: Debian's package libnginx-mod-http-lua."""


def text_of(file: Path) -> str:
    """Return a configuration file's text. That of deadline.conf is empty where nginx has no Lua
    module: then the whole time of an upload has no bound; all else is as in production."""
    return "" if file.name == "deadline.conf" and not LUA.exists() else file.read_text()


def lay_out(main: Path, folder: Path, changes: Mapping[str, str]) -> Path:
    """Copy a main file and what it includes; return the copy.

    Users, paths of its machine and what `changes` names (by regular expressions) become others.
    """
    changes = {
        r"/var/log/nginx/|/tmp/": f"{folder}/",
        # Its processes read below the folder, which may be for this user alone.
        r"(?m)^user .*$": "",
        r"(?m)^(?=worker_processes)": "user root;\n" if os.geteuid() == 0 else "",
        r"(?m)^pid .*$": f"pid {folder}/pid;",
        r"(?m)^error_log .*$": "error_log stderr warn;",
        **{f"/etc/nginx/{name}": f"{folder}/{name}" for name in ("larder", "sidecar")},
        **changes,
    }
    for file in (main, *SHARED.iterdir()):
        text = text_of(file)
        for pattern, replacement in changes.items():
            text = re.sub(pattern, replacement, text)
        target = folder / ("larder" if file.parent == SHARED else "") / file.name
        target.parent.mkdir(exist_ok=True)
        target.write_text(text)
    return folder / main.name


def without_tls(main: Path, folder: Path, port: int) -> dict[str, str]:
    """Return the changes with which a main file listens at the port, without TLS."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    changes = {
        r"listen (80|8000|0\.0\.0\.0:8443 ssl http2)\b": f"listen 127.0.0.1:{port}",
        r"listen 0\.0\.0\.0:8080": f"listen unix:{folder}/plain",
        r"listen 8002\b": f"listen unix:{folder}/metrics",
        r"(?m)^ *ssl_certificate.*$": "",
        "/var/cache/nginx/": f"{folder}/",
    }
    if "_temp_path" not in main.read_text():
        changes[r"http \{\n"] = f"http {{ {paths}\n"
    return changes
