"""Pictures that no product has are deleted, and those that one has never are."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.db import connection, transaction

from larder.catalog.models import Picture, Product
from larder.catalog.services import stored_pictures
from larder.catalog.services.products import archive_product, change_product
from larder.core.errors import Overloaded
from larder.core.limits import UNUSED_PICTURE_DAYS
from larder.db import database
from larder.ops import tasks
from tests.catalog.photos import encoded, phone_photo, plain
from tests.tiers import LONGEST

pytestmark = pytest.mark.django_db(transaction=True)
MakeProduct = Callable[..., int]
DAY = timedelta(days=1)
GRACE = timedelta(days=UNUSED_PICTURE_DAYS)
SHOP = "https://shop.example.com"


def collect(now: datetime) -> int:
    """One run of the job, in small parts."""
    list(stored_pictures.mark_unused(now=now, part=2))
    return stored_pictures.delete_unused(now=now, limit=100)


def upload(now: datetime) -> str:
    return stored_pictures.store(phone_photo(), now=now)


def stored(folder: Path) -> set[str]:
    return {one.name for one in folder.iterdir()}


def give(product: int, address: str, now: datetime) -> None:
    change_product(product, {"image_url": f"{SHOP}{address}"}, caller=None, now=now)


def test_a_picture_without_a_product_is_deleted_after_the_grace_period(
    folder: Path, now: datetime
) -> None:
    upload(now)
    assert collect(now + GRACE) == 0
    assert len(stored(folder)) == 2
    assert collect(now + GRACE + DAY) == 1
    assert stored(folder) == set()
    assert not Picture.objects.exists()


def test_the_picture_of_a_product_is_kept(
    folder: Path, product: MakeProduct, now: datetime
) -> None:
    addresses = [
        stored_pictures.store(encoded(plain(color=color), "PNG"), now=now)
        for color in ("red", "green", "blue", "white", "black")
    ]
    for address in addresses[:3]:
        give(product(), address, now)
    archived = product()
    give(archived, addresses[3].replace(".webp", "-320.webp"), now)
    archive_product(archived, caller=None, now=now)
    collect(now + DAY)
    assert collect(now + 2 * GRACE) == 1
    names = {one.rpartition("/")[2] for one in addresses[:4]}
    assert names == {name for name in stored(folder) if "-320" not in name}


def test_the_grace_period_begins_when_the_product_gets_another_picture(
    folder: Path, product: MakeProduct, now: datetime
) -> None:
    jam = product()
    first = stored_pictures.store(phone_photo(), now=now)
    give(jam, first, now)
    collect(now + DAY)
    later = now + 10 * GRACE
    give(jam, stored_pictures.store(encoded(plain(), "PNG"), now=later), later)
    assert collect(later) == 0
    assert collect(later + GRACE) == 0
    assert first.rpartition("/")[2] in stored(folder)
    assert collect(later + GRACE + DAY) == 1
    assert first.rpartition("/")[2] not in stored(folder)


def test_a_picture_that_a_product_gets_back_is_kept(
    folder: Path, product: MakeProduct, now: datetime
) -> None:
    jam = product()
    address = stored_pictures.store(phone_photo(), now=now)
    collect(now + DAY)
    give(jam, address, now + 2 * DAY)
    assert collect(now + GRACE + 2 * DAY) == 0
    assert len(stored(folder)) == 2


def test_a_product_keeps_its_picture_that_was_uploaded_once_more(
    folder: Path, product: MakeProduct, now: datetime
) -> None:
    """The second upload counts as unused until the job marks it."""
    give(product(), upload(now), now)
    upload(now)
    assert stored_pictures.delete_unused(now=now + GRACE + DAY, limit=10) == 0
    assert len(stored(folder)) == 2


@pytest.mark.parametrize("suffix", [".webp", "-320.webp"])
def test_the_deletion_waits_for_a_product_that_gets_the_picture(
    folder: Path, product: MakeProduct, now: datetime, suffix: str
) -> None:
    jam, later = Product.objects.filter(pk=product()), now + GRACE + DAY
    address = f"{SHOP}{upload(now).replace('.webp', suffix)}"
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            jam.update(image_url=address)
            deleted = threads.submit(_closing, collect, later)
            _wait_for_lock()
        assert deleted.result(LONGEST) == 0
    assert len(stored(folder)) == 2


def test_a_file_that_a_crash_left_unfinished_is_deleted_after_the_grace_period(
    folder: Path, now: datetime
) -> None:
    upload(now)
    unfinished, other = folder / f".{uuid4().hex}", folder / ".snapshot"
    for file in (unfinished, other):
        file.write_bytes(b"RIFF")
        os.utime(file, (now.timestamp(), now.timestamp()))
    collect(now + GRACE - DAY)
    assert unfinished.exists()
    collect(now + GRACE + DAY)
    assert stored(folder) == {other.name}


def test_an_unused_picture_that_is_uploaded_again_has_a_new_grace_period(
    folder: Path, now: datetime
) -> None:
    stored_pictures.store(phone_photo(), now=now)
    later = now + GRACE + DAY
    list(stored_pictures.mark_unused(now=later, part=10))
    stored_pictures.store(phone_photo(), now=later)
    assert stored_pictures.delete_unused(now=later, limit=10) == 0
    assert len(stored(folder)) == 2


def test_the_longest_unused_pictures_are_deleted_first_up_to_the_limit(
    folder: Path, now: datetime
) -> None:
    keys = ["b" * 64, "a" * 64, "c" * 64]
    for age, key in enumerate(keys, 1):
        Picture.objects.create(key=key, unused_since=now - GRACE - age * DAY)
    assert stored_pictures.delete_unused(now=now, limit=2) == 2
    assert Picture.objects.get().key == keys[0]


def test_an_upload_during_the_deletion_of_the_same_picture_is_refused(
    folder: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files would be deleted. They are deleted outside of a transaction."""
    upload(now)
    later, delete = now + GRACE + DAY, stored_pictures.PictureFolder.delete
    refused = []

    def upload_first(storage: Any, name: str) -> None:
        assert not connection.in_atomic_block
        with pytest.raises(Overloaded):
            upload(later)
        refused.append(name)
        delete(storage, name)

    monkeypatch.setattr(stored_pictures.PictureFolder, "delete", upload_first)
    assert collect(later) == 1
    assert (len(refused), stored(folder)) == (2, set())
    upload(later)
    assert (len(stored(folder)), Picture.objects.count()) == (2, 1)


def test_a_picture_whose_deletion_crashed_can_be_used_again(
    folder: Path, product: MakeProduct, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, later = upload(now), now + GRACE + DAY
    with monkeypatch.context() as patched:
        patched.setattr(stored_pictures.PictureFolder, "delete", fails)
        with pytest.raises(OSError, match="Read-only"):
            collect(later)
    give(product(), address, later)
    assert collect(later) == 0
    assert len(stored(folder)) == 2
    upload(later)


@pytest.mark.parametrize("deleted", [0, 1, 2])
def test_a_deletion_that_crashed_is_ended_by_the_next_run(
    folder: Path, now: datetime, monkeypatch: pytest.MonkeyPatch, deleted: int
) -> None:
    """It crashes after that number of files."""
    upload(now)
    files = sorted(folder.iterdir())
    with monkeypatch.context() as patched:
        patched.setattr(stored_pictures.PictureFolder, "delete", fails)
        with pytest.raises(OSError, match="Read-only"):
            collect(now + 2 * GRACE)
    for file in files[:deleted]:
        file.unlink()
    assert Picture.objects.count() == 1
    assert collect(now + 2 * GRACE) == 1
    assert (stored(folder), Picture.objects.count()) == (set(), 0)


def fails(storage: Any, name: str) -> None:
    raise OSError("Read-only file system")


def _closing(run: Callable[[datetime], Any], at: datetime) -> Any:
    try:
        return run(at)
    finally:
        connection.close()


def _wait_for_lock() -> None:
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    for _ in range(200):
        if database.rows(waiting, [])[0][0]:
            return
        Event().wait(0.05)


def test_the_job_does_nothing_where_uploads_are_off(
    folder: Path, now: datetime, settings: LazySettings
) -> None:
    stored_pictures.store(phone_photo(), now=now - 2 * GRACE)
    settings.PICTURES_DIR = ""
    assert tasks.delete_unused_pictures(0) == 0
    settings.PICTURES_DIR = str(folder)
    assert tasks.delete_unused_pictures(0) == 1
