"""What is searched for, and what lists are sorted by."""

from collections.abc import Iterable

MAX_SEARCH_WORDS = 10
"""Words of a search. Further words are ignored: each adds a condition to the query."""

TRIGRAM = 3
"""Characters of a trigram. A shorter word has none, so the index cannot find it. Computing the
trigrams of each product instead takes 0.2 ms for each."""

SORTED_LENGTH = 256
"""The first characters of a folded name, by which products are sorted: an entry of an index has at
most 2,704 bytes."""


def words(text: str) -> tuple[str, ...]:
    """Returns the distinct words of a search, up to MAX_SEARCH_WORDS."""
    return tuple(dict.fromkeys(text.split()))[:MAX_SEARCH_WORDS]


def indexed(texts: Iterable[str]) -> list[str]:
    """Returns the texts that are long enough for the trigram index."""
    return [text for text in texts if len(text) >= TRIGRAM]


def spellings(code: str) -> list[str]:
    """Returns the code without spaces at its ends, and in the other of two forms: a zero before a
    UPC-A makes it an EAN-13 (GS1 General Specifications, 3.3.2), and some scanners leave it out.

    >>> spellings(" 012345678905"), spellings("0012345678905"), spellings("A-1")
    (['012345678905', '0012345678905'], ['0012345678905', '012345678905'], ['A-1'])
    """
    code = code.strip()
    if not (code.isascii() and code.isdecimal()):
        return [code]
    if len(code) == 12:
        return [code, f"0{code}"]
    return [code, code[1:]] if len(code) == 13 and code[0] == "0" else [code]
