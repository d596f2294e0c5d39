"""Splits a search into words, and selects those that the trigram index can find."""

from collections.abc import Iterable

from larder.core.limits import MAX_SEARCH_WORDS

TRIGRAM = 3
"""Characters of a trigram. A shorter word has none, so the index cannot find it. Computing the
trigrams of each product instead takes 0.2 ms for each."""


def words(text: str) -> tuple[str, ...]:
    """Returns the distinct words of a search.

    >>> words("set of set")
    ('set', 'of')
    """
    return tuple(dict.fromkeys(text.split()))[:MAX_SEARCH_WORDS]


def indexed(texts: Iterable[str]) -> list[str]:
    """Returns the texts that are long enough for the trigram index.

    >>> indexed(["set", "of"])
    ['set']
    """
    return [one for one in texts if len(one) >= TRIGRAM]
