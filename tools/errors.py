"""The one exception of the launchers: its text is a single line that says what to do."""

from __future__ import annotations


class LauncherError(Exception):
    """Something outside the program is in the way; the message is meant for the terminal."""
