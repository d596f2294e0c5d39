"""Errors that the relay raises."""

from larder.core.errors import TooMany


class TooManyWatches(TooMany):
    """The account watches the maximum number of products."""

    code = "too_many_watches"


class TooManyWebhooks(TooMany):
    """The shop has the maximum number of webhooks."""

    code = "too_many_webhooks"
