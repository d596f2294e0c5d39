"""The proxy of an instance before a real server, as an ELB would reach it."""

import http.client
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from os import urandom
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from PIL import Image

from larder.catalog.models import Product
from larder.core.limits import MAX_PICTURE_BYTES
from tests.catalog.photos import encoded
from tests.conftest import Person
from tests.server import Server
from tests.staff.desk import Desk
from tests.system.deploy.nginx import BEHIND_A_PROXY, nginx_before

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")


def status(port: int, path: str, *, body: bytes | None = None, by_tls: bool = True) -> int:
    """What the ELB is answered for a client that came by TLS, or did not."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"X-Forwarded-Proto": "https" if by_tls else "http", "X-Forwarded-For": "192.0.2.7"}
    connection.request("GET" if body is None else "POST", path, body, headers)
    try:
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_first_order_succeeds_and_internal_paths_are_refused(
    transactional_db: None, person: Callable[..., Person], tmp_path: Path
) -> None:
    who = person("ada", is_staff=True)
    with Server(environment=BEHIND_A_PROXY) as server, nginx_before(server.port, tmp_path) as port:
        done = subprocess.run(
            ["sh", "deploy/first_order.sh"],
            cwd=ROOT,
            env=os.environ
            | {
                "SHOP": f"http://127.0.0.1:{port}",
                "STAFF": "ada",
                "PASSWORD": who.password,
                "CURL_OPTIONS": "--header X-Forwarded-Proto:https",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        order = json.loads(done.stdout.splitlines()[-1].removeprefix("order"))
        assert order["status"] == "placed"
        assert status(port, "/livez") == 200
        assert status(port, "/metrics") == 404
        assert status(port, "/api/v1/products") == 401
        assert status(port, "/api/v1/products", by_tls=False) == 301
        assert status(port, "/api/v1/orders", body=b"x" * (3 << 20)) == 413


def test_a_photo_of_nine_megabytes_arrives(
    transactional_db: None,
    person: Callable[..., Person],
    product: Callable[..., int],
    tmp_path: Path,
) -> None:
    noise = Image.frombytes("RGB", (2_450, 2_000), urandom(2_450 * 2_000 * 3))
    photo = encoded(noise, "JPEG", quality=100)
    assert 9_000_000 < len(photo) < MAX_PICTURE_BYTES
    desk, jam = Desk(person(is_staff=True, is_superuser=True)), product()
    path, token = f"catalog/product/{jam}/change/", "t" * 32
    file = SimpleUploadedFile("jam.jpg", photo, "image/jpeg")
    form = desk.open(path) | {"picture": file, "csrfmiddlewaretoken": token}
    with Server(environment=BEHIND_A_PROXY) as server, nginx_before(server.port, tmp_path) as port:
        headers = {
            "X-Forwarded-Proto": "https",
            "X-Forwarded-For": "192.0.2.7",
            "Referer": f"https://127.0.0.1:{port}/",
            "Content-Type": MULTIPART_CONTENT,
            "Cookie": f"csrftoken={token}; sessionid={desk.client.cookies['sessionid'].value}",
        }
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("POST", f"/admin/{path}", encode_multipart(BOUNDARY, form), headers)
        answer = connection.getresponse()
        assert answer.status == 302, answer.read()
        connection.close()
    assert "/pictures/" in Product.objects.get(pk=jam).image_url
