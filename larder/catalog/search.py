"""Splits what is searched for into words, and says which of them the trigram index answers."""

from collections.abc import Iterable

from larder.core.limits import MAX_SEARCH_WORDS

TRIGRAM = 3
"""Characters of a trigram. A shorter word has none: the index says nothing about it, and to compute
the trigrams of each product instead costs 0.2 ms a product."""


def words(text: str) -> tuple[str, ...]:
    """Returns the different words of a search.

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
