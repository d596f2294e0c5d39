"""A cluster for a moment."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tools.local_postgres.cluster import Cluster


@contextmanager
def temporary_cluster(
    *, settings: Mapping[str, str] | None = None, durable: bool = False
) -> Iterator[Cluster]:
    """Start an empty cluster, without durability; afterwards nothing of it is left.

    The folder can be passed through by others, so that root needs no shelter for the data.
    """
    folder = Path(tempfile.mkdtemp(prefix="larder-"))
    folder.chmod(0o711)
    try:
        with Cluster(folder / "data", durable=durable, settings=settings) as cluster:
            yield cluster
    finally:
        shutil.rmtree((folder / "data" / "server").resolve(), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
