"""The wheel alone, in an empty environment: `larder` serves the shop."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server import ROOT
from tests.system.clients.npm import with_certificates
from tests.system.clients.uv import uv
from tools.processes import free_port

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(900)]

FIRST_ORDER = r"""
import json, os, re, signal, subprocess, sys, urllib.request

def ask(path, body=None, **headers):
    data = json.dumps(body).encode() if body else None
    headers |= {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(address + path, data, headers)) as answer:
        return answer.read().decode()

command = ["larder", "--port", sys.argv[1], "--data", "data"]
environment = {name: os.environ[name] for name in ("PATH", "HOME")}
run = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
said = iter(run.stdout.readline, "")
address = next(line.split()[-1] for line in said if "ready at" in line)
token = json.loads(ask("/api/v1/auth/token", {"username": "demo", "password": "demo"}))["access"]
lines = [{"product": 1, "quantity": 2}]
order = json.loads(ask("/api/v1/orders", {"lines": lines}, Authorization=f"Bearer {token}"))
assert order["status"] == "placed", order
for path in ("/demo/", "/demo/sdk/larder.js", "/api/v1/openapi.json", "/api/v1/problems"):
    assert ask(path), path
(style, *_) = re.findall(r'/static/[^"]+[.]css', ask("/admin/login/"))
assert ask(style)
run.send_signal(signal.SIGINT)
run.stdout.read()
sys.exit(run.wait(60))
"""


def test_the_wheel_alone_takes_an_order_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "uv", "build", "--wheel", "--out-dir", tmp_path, ROOT],
        env=os.environ | with_certificates("SSL_CERT_FILE"),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    uv("--with", f"{wheel}[local]", "python", "-c", FIRST_ORDER, str(free_port()), folder=tmp_path)
