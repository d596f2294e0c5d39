"""Static files: collected with a hash of the content in their names, compressed once, and cached by
browsers for a year."""

from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.storage import CompressedManifestStaticFilesStorage

ONE_YEAR = 365 * 24 * 60 * 60
"""Seconds."""


class Files(WhiteNoiseMiddleware):  # type: ignore[misc]
    """Serves the static files. A file with a hash in its name is immutable; browsers cache others
    for a minute."""

    FOREVER = ONE_YEAR


class Storage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Names the static files. `collectstatic` stores each file once, with its hashed name."""

    keep_only_hashed_files = True

    def stored_name(self, name: str) -> str:
        """Returns the hashed name; the plain name of a file that was not collected, because a page
        without an icon is better than an error. In demo mode plain names are served too."""
        try:
            return str(super().stored_name(name))
        except ValueError:
            return name
