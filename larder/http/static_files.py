"""Static files: collected with a hash of the content in their names, and compressed once."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class Storage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Names the static files."""

    def stored_name(self, name: str) -> str:
        """Returns the hashed name; the plain name of a file that was not collected, because a page
        without an icon is better than an error. In demo mode plain names are served too."""
        try:
            return str(super().stored_name(name))
        except ValueError:
            return name
