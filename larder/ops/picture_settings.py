"""PICTURES_DIR, PICTURES_BUCKET, PICTURES_URL: where uploaded pictures of products are stored."""

import os
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from larder.core.pictures import CACHE_CONTROL, CONTENT_TYPE

PATH = "/pictures/"
"""Where the shop serves pictures that are stored in a folder."""


def picture_storage(*, folder: str, bucket: str, address: str) -> dict[str, Any]:
    """Returns the entry of Django's STORAGES: a bucket of S3, or else a folder. Raises
    ImproperlyConfigured.

    >>> picture_storage(folder="/srv/pictures", bucket="", address="")["OPTIONS"]["base_url"]
    '/pictures/'
    """
    if bucket:
        return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": _s3(bucket, address)}
    options = {"location": folder, "base_url": f"{address}/" if address else PATH}
    return {"BACKEND": "larder.catalog.services.stored_pictures.PictureFolder", "OPTIONS": options}


def _s3(bucket: str, address: str) -> dict[str, Any]:
    # Loaded only where it is used: it takes 20 MB.
    try:
        from botocore.config import Config
    except ModuleNotFoundError as missing:
        raise ImproperlyConfigured(
            f"PICTURES_BUCKET is set, and {missing.name} is not installed: "
            "install requirements/prod.txt, or larder[s3]."
        ) from missing

    scheme, _, place = address.partition("://")
    return {
        "bucket_name": bucket,
        # Its library reads AWS_DEFAULT_REGION alone.
        "region_name": os.environ.get("AWS_REGION"),
        # Addresses are public, and never expire.
        "custom_domain": place or None,
        "url_protocol": f"{scheme}:",
        "querystring_auth": False,
        "object_parameters": {"CacheControl": CACHE_CONTROL, "ContentType": CONTENT_TYPE},
        "client_config": Config(
            connect_timeout=1, read_timeout=3, retries={"total_max_attempts": 1}
        ),
    }
