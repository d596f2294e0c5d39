"""A folder of pictures for one test."""

from pathlib import Path

import pytest
from django.conf import LazySettings


@pytest.fixture
def folder(tmp_path: Path, settings: LazySettings, db: None) -> Path:
    """The folder, which the first upload makes."""
    place = tmp_path / "pictures"
    pictured = settings.STORAGES["pictures"]
    pictured = {**pictured, "OPTIONS": {**pictured["OPTIONS"], "location": str(place)}}
    settings.STORAGES = {**settings.STORAGES, "pictures": pictured}
    return place
