"""Pictures in a bucket: over the protocol of S3, with signatures and the rights of the page."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile

from larder.catalog.models import Picture, Product
from larder.catalog.services import stored_pictures
from larder.core import clock
from larder.core.limits import UNUSED_PICTURE_DAYS
from larder.core.pictures import CACHE_CONTROL, CONTENT_TYPE
from larder.ops.picture_settings import picture_storage
from tests.catalog.photos import encoded, phone_photo, plain
from tests.conftest import Person
from tests.staff.desk import Desk, change
from tools.ports import free_port, listens

pytestmark = pytest.mark.django_db(transaction=True)

BUCKET, REGION = "pictures", "eu-central-1"
OBJECTS, WHOLE = f"arn:aws:s3:::{BUCKET}/*", f"arn:aws:s3:::{BUCKET}"
AFTER_GRACE = timedelta(days=UNUSED_PICTURE_DAYS + 1)
RIGHTS = {
    **dict.fromkeys(("s3:PutObject", "s3:GetObject", "s3:DeleteObject"), OBJECTS),
    "s3:ListBucket": WHOLE,
}


@dataclass
class Store:
    """A server of S3 and IAM, whose first clients may do everything."""

    address: str

    def client(self, service: str) -> Any:
        return boto3.Session().client(service, endpoint_url=self.address, region_name=REGION)

    def begin_to_check(self) -> None:
        """From now on, each request needs a signature and the right of its signer."""
        headers = {"Content-Type": "text/plain"}
        urlopen(Request(f"{self.address}/moto-api/reset-auth", b"0", headers))  # noqa: S310


@contextmanager
def store() -> Iterator[Store]:
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            while not listens(port):
                assert process.poll() is None
                time.sleep(0.1)
            yield Store(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()


class Cdn(BaseHTTPRequestHandler):
    """What clients fetch pictures from: it reads them from the bucket with the shop's rights."""

    bucket: Any

    def do_GET(self) -> None:
        try:
            found = self.bucket.get_object(Bucket=BUCKET, Key=self.path.lstrip("/"))
        except self.bucket.exceptions.NoSuchKey:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", found["ContentType"])
        self.send_header("Cache-Control", found["CacheControl"])
        self.end_headers()
        self.wfile.write(found["Body"].read())

    def log_message(self, format: str, *args: object) -> None:
        pass


@dataclass
class Bucket:
    """The bucket, and the address of its CDN."""

    client: Any
    cdn: str

    def names(self) -> set[str]:
        listed = self.client.list_objects_v2(Bucket=BUCKET).get("Contents", ())
        return {one["Key"] for one in listed}


@pytest.fixture(params=[RIGHTS])
def bucket(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, settings: LazySettings
) -> Iterator[Bucket]:
    """A bucket of a role with these rights, and the shop's settings for it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "owner")
    with store() as found:
        where = {"LocationConstraint": REGION}
        found.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
        owner = found.client("iam")
        owner.create_user(UserName="shop")
        rights = [
            {"Effect": "Allow", "Action": action, "Resource": resource}
            for action, resource in request.param.items()
        ]
        policy = json.dumps({"Version": "2012-10-17", "Statement": rights})
        owner.put_user_policy(UserName="shop", PolicyName="pictures", PolicyDocument=policy)
        key = owner.create_access_key(UserName="shop")["AccessKey"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        monkeypatch.setenv("AWS_REGION", REGION)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", found.address)
        found.begin_to_check()
        Cdn.bucket = found.client("s3")
        with ThreadingHTTPServer(("127.0.0.1", 0), Cdn) as server:
            thread = Thread(target=server.serve_forever)
            thread.start()
            cdn = f"http://127.0.0.1:{server.server_port}"
            stored = picture_storage(folder="", bucket=BUCKET, address=cdn)
            settings.STORAGES = {**settings.STORAGES, "pictures": stored}
            yield Bucket(Cdn.bucket, cdn)
            server.shutdown()
            thread.join()


def upload(desk: Desk, product: int, content: bytes) -> str:
    page = desk.save(change(product), picture=SimpleUploadedFile("p.jpg", content, "image/jpeg"))
    assert page.errors == {}
    return Product.objects.get(pk=product).image_url


def collect(now: datetime) -> int:
    list(stored_pictures.mark_unused(now=now, part=10))
    return stored_pictures.delete_unused(now=now, limit=10)


@pytest.fixture
def desk(person: Callable[..., Person]) -> Desk:
    return Desk(person("boss", is_staff=True, is_superuser=True))


def test_a_picture_is_uploaded_served_replaced_and_deleted(
    desk: Desk, bucket: Bucket, product: Callable[..., int]
) -> None:
    jam = product()
    first = upload(desk, jam, phone_photo())
    assert first.startswith(f"{bucket.cdn}/")
    for address in (first, first.replace(".webp", "-320.webp")):
        with urlopen(address) as answer:  # noqa: S310
            assert answer.headers["Content-Type"] == CONTENT_TYPE
            assert answer.headers["Cache-Control"] == CACHE_CONTROL
            assert answer.read()[8:12] == b"WEBP"
    second = upload(desk, jam, encoded(plain(), "PNG"))
    assert upload(desk, jam, encoded(plain(), "PNG")) == second
    assert len(bucket.names()) == 4
    assert collect(clock.now()) == 0
    assert collect(clock.now() + AFTER_GRACE) == 1
    kept = second.rpartition("/")[2]
    assert bucket.names() == {kept, kept.replace(".webp", "-320.webp")}
    desk.save(change(jam), image_url="")
    assert collect(clock.now()) == 0
    assert collect(clock.now() + AFTER_GRACE) == 1
    assert bucket.names() == set()
    assert not Picture.objects.exists()


@pytest.mark.parametrize("bucket", [{"s3:ListBucket": WHOLE}], indirect=True)
def test_a_bucket_that_refuses_the_upload_is_an_error_of_the_field(
    desk: Desk, bucket: Bucket, product: Callable[..., int]
) -> None:
    jam = product()
    page = desk.save(change(jam), picture=SimpleUploadedFile("p.jpg", phone_photo(), "image/jpeg"))
    assert page.errors == {"picture": [stored_pictures.UNAVAILABLE]}
    assert Product.objects.get(pk=jam).image_url == ""
    assert bucket.names() == set()
