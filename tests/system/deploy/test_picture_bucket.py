"""Pictures in a bucket: over the protocol of S3, with signatures and the rights of the page."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile

from larder.catalog.models import Product
from larder.catalog.services import stored_pictures
from larder.core.pictures import CACHE_CONTROL, CONTENT_TYPE
from larder.ops.environment import picture_storage
from tests.catalog.photos import encoded, phone_photo, plain
from tests.conftest import Person
from tests.staff.desk import Desk, change
from tools.processes import free_port, listens, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

BUCKET, REGION = "pictures", "eu-central-1"
CDN = "https://pictures.example.com"
OBJECTS, WHOLE = f"arn:aws:s3:::{BUCKET}/*", f"arn:aws:s3:::{BUCKET}"
RIGHTS = {
    **dict.fromkeys(("s3:PutObject", "s3:GetObject"), OBJECTS),
    "s3:ListBucket": WHOLE,
}


def client(service: str, address: str) -> Any:
    return boto3.Session().client(service, endpoint_url=address, region_name=REGION)


@contextmanager
def store() -> Iterator[str]:
    """Run a server of S3 and IAM, whose first clients may do everything; give its address."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            assert wait_until(lambda: listens(port), 60)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.fixture(params=[RIGHTS])
def bucket(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, settings: LazySettings
) -> Iterator[Callable[[], set[str]]]:
    """A bucket of a role with these rights, and the shop's settings for it; lists its names."""
    rights = [
        {"Effect": "Allow", "Action": action, "Resource": resource}
        for action, resource in request.param.items()
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": rights})
    with store() as address:
        owner = {"AWS_ACCESS_KEY_ID": "owner", "AWS_SECRET_ACCESS_KEY": "owner"}
        for name, value in (owner | {"AWS_REGION": REGION, "AWS_ENDPOINT_URL_S3": address}).items():
            monkeypatch.setenv(name, value)
        where = {"LocationConstraint": REGION}
        client("s3", address).create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
        accounts = client("iam", address)
        accounts.create_user(UserName="shop")
        accounts.put_user_policy(UserName="shop", PolicyName="pictures", PolicyDocument=policy)
        key = accounts.create_access_key(UserName="shop")["AccessKey"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        # From now on each request needs a signature and the right of its signer.
        headers = {"Content-Type": "text/plain"}
        urlopen(Request(f"{address}/moto-api/reset-auth", b"0", headers))  # noqa: S310
        stored = picture_storage(folder="", bucket=BUCKET, address=CDN)
        settings.STORAGES = {**settings.STORAGES, "pictures": stored}

        def names() -> set[str]:
            listed = client("s3", address).list_objects_v2(Bucket=BUCKET).get("Contents", ())
            return {entry["Key"] for entry in listed}

        yield names


def upload(desk: Desk, product: int, content: bytes) -> str:
    page = desk.save(change(product), picture=SimpleUploadedFile("p.jpg", content, "image/jpeg"))
    assert page.errors == {}
    return Product.objects.get(pk=product).image_url


@pytest.fixture
def desk(person: Callable[..., Person]) -> Desk:
    return Desk(person("boss", is_staff=True, is_superuser=True))


def test_a_picture_is_uploaded_served_and_replaced(
    desk: Desk, bucket: Callable[[], set[str]], product: Callable[..., int]
) -> None:
    jam = product()
    first = upload(desk, jam, phone_photo())
    for address in (first, first.replace(".webp", "-320.webp")):
        stored = client("s3", os.environ["AWS_ENDPOINT_URL_S3"]).get_object(
            Bucket=BUCKET, Key=address.removeprefix(f"{CDN}/")
        )
        assert stored["ContentType"] == CONTENT_TYPE
        assert stored["CacheControl"] == CACHE_CONTROL
        assert stored["Body"].read()[8:12] == b"WEBP"
    second = upload(desk, jam, encoded(plain(), "PNG"))
    assert upload(desk, jam, encoded(plain(), "PNG")) == second
    assert len(bucket()) == 4


@pytest.mark.parametrize("bucket", [{"s3:ListBucket": WHOLE}], indirect=True)
def test_a_bucket_that_refuses_the_upload_is_an_error_of_the_field(
    desk: Desk, bucket: Callable[[], set[str]], product: Callable[..., int]
) -> None:
    jam = product()
    page = desk.save(change(jam), picture=SimpleUploadedFile("p.jpg", phone_photo(), "image/jpeg"))
    assert page.errors == {"picture": [stored_pictures.UNAVAILABLE]}
    assert Product.objects.get(pk=jam).image_url == ""
    assert bucket() == set()
