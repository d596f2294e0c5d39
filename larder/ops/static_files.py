"""Static files: collected under names that contain a hash of the content, compressed once, and
cached by browsers for a year."""

from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.storage import CompressedManifestStaticFilesStorage

ONE_YEAR = 365 * 24 * 60 * 60
"""Seconds."""


class Files(WhiteNoiseMiddleware):  # type: ignore[misc]
    """Serves the static files. A name with a hash is immutable; of another a browser asks again
    after a minute."""

    FOREVER = ONE_YEAR


class Storage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Names the static files. `collectstatic` keeps each of them once, under its hashed name."""

    keep_only_hashed_files = True

    def stored_name(self, name: str) -> str:
        """Returns the hashed name; the plain one of a file that was not collected, since a page
        without an icon is better than an error. In demo mode those are served too."""
        try:
            return str(super().stored_name(name))
        except ValueError:
            return name
