"""What is searched for, and what lists are sorted by."""

from collections.abc import Iterable

from larder.core.limits import MAX_SEARCH_WORDS

TRIGRAM = 3
"""Characters of a trigram. A shorter word has none, so the index cannot find it. Computing the
trigrams of each product instead takes 0.2 ms for each."""

SORTED_LENGTH = 256
"""The first characters of a folded name, by which products are sorted: an entry of an index has at
most 2,704 bytes."""


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
    return [text for text in texts if len(text) >= TRIGRAM]
