"""The nginx of an instance (deploy/ec2) in front of a port, as a load balancer reaches it."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tools.ports import free_port, listens
from tools.processes import wait_until
from tools.stack.programs import is_readable

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT / "deploy" / "nginx" / "larder"


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
    shared = [file for file in SHARED.iterdir() if is_readable(file)]
    for file in (main, *shared):
        text = file.read_text()
        for pattern, replacement in changes.items():
            text = re.sub(pattern, replacement, text)
        target = folder / ("larder" if file.parent == SHARED else "") / file.name
        target.parent.mkdir(exist_ok=True)
        target.write_text(text)
    return folder / main.name


@contextmanager
def nginx_before(
    server: int, folder: Path, changes: Mapping[str, str] | None = None
) -> Iterator[int]:
    """Run it in front of the server's port; gives the port where it listens."""
    port = free_port()
    ports = {"listen 80 ": f"listen 127.0.0.1:{port} ", "127.0.0.1:8000": f"127.0.0.1:{server}"}
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    http = {r"http \{\n": f"http {{ {paths}\n"}
    main = lay_out(ROOT / "deploy/ec2/nginx.conf", folder, ports | http | dict(changes or {}))
    command = ["nginx", "-e", "stderr", "-c", str(main), "-g", "daemon off;"]
    with subprocess.Popen(command) as nginx:
        try:
            assert wait_until(lambda: listens(port)), "nginx does not listen"
            yield port
        finally:
            nginx.terminate()
