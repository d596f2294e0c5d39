"""Logs errors that repeat, such as those while the database is away, once in a while."""

import logging

from larder.core.clock import Stopwatch

EVERY = 60.0
"""Seconds between two log lines."""


class RepeatedErrors:
    """The errors of one thread. `do` says what an operator should do."""

    def __init__(self, logger: logging.Logger, message: str, do: str) -> None:
        self._logger, self._message, self._do = logger, message, do
        self._logged: Stopwatch | None = None

    def log(self, error: Exception) -> None:
        """Logs the error, unless one was logged a moment ago."""
        if self._logged is None or self._logged.seconds > EVERY:
            self._logged = Stopwatch()
            details = {"error": str(error), "do": self._do}
            self._logger.warning(self._message, extra={"details": details}, exc_info=error)
