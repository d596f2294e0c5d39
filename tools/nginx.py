"""Copies of deploy/nginx that run on this machine without TLS.

    python -m tools.nginx

has nginx check them.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "deploy" / "nginx"
SHARED = FOLDER / "larder"
SITES = {"behind": "sidecar", "public": "two"}
"""Who reaches nginx, and the file that says where the servers are."""
LUA = Path("/etc/nginx/modules-enabled/50-mod-http-lua.conf")
"""Says that nginx has its Lua module: Debian's package libnginx-mod-http-lua."""


def lay_out(site: str, folder: Path, port: int, changes: Mapping[str, str]) -> Path:
    """Copy the configuration of a site, which listens at the port; return the main file.

    Paths of its machine and what `changes` names (by regular expressions) become others. Where
    nginx has no Lua module, the whole time of an upload has no bound; all else is as in production.
    """
    changes = {
        r"/tmp/|/var/cache/nginx/": f"{folder}/",  # noqa: S108
        r"/etc/nginx/(?=larder|servers|site)": f"{folder}/",
        # Its processes read below the folder, which may be for this user alone.
        r"(?m)^(?=worker_processes)": "user root;\n" if os.geteuid() == 0 else "",
        r"listen (8000|0\.0\.0\.0:8443 ssl http2)\b": f"listen 127.0.0.1:{port}",
        r"listen 0\.0\.0\.0:8080": f"listen unix:{folder}/plain",
        r"(?m)^ *ssl_certificate.*$": "",
        **({} if LUA.exists() else {r"include larder/deadline\.conf;": ""}),
        **changes,
    }
    files = {
        "nginx.conf": FOLDER / "nginx.conf",
        "servers.conf": FOLDER / f"{SITES[site]}.conf",
        "site.conf": FOLDER / f"{site}.conf",
        **{f"larder/{file.name}": file for file in SHARED.iterdir()},
    }
    (folder / "larder").mkdir(exist_ok=True)
    for name, file in files.items():
        text = file.read_text()
        for pattern, replacement in changes.items():
            text = re.sub(pattern, replacement, text)
        (folder / name).write_text(text)
    return folder / "nginx.conf"


def check() -> None:
    """Raise CalledProcessError if nginx refuses the configuration of a site."""
    for site in SITES:
        with tempfile.TemporaryDirectory() as folder:
            main = lay_out(site, Path(folder), 8000, {r"app[12]:8000": "127.0.0.1:8001"})
            subprocess.run(["nginx", "-t", "-q", "-e", "stderr", "-c", main], check=True)


if __name__ == "__main__":
    check()
