"""The system's Chromium, for diagrams and for tests of pages."""

from __future__ import annotations

import shutil

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
QUIETLY = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""Arguments of a Chromium that asks no other host for anything."""

FOR_PICTURES = [*QUIETLY, "--hide-scrollbars", "--force-color-profile=srgb"]
LAUNCH_MS = 120_000
"""Milliseconds in which a Chromium starts, on a busy machine too."""
