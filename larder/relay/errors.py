"""Errors that the relay raises."""

from larder.core.errors import TooMany


class TooManyWatches(TooMany):
    """The account watches the maximum number of products."""

    code = "too_many_watches"
