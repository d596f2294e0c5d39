"""Corrects misspelled words of a search from the words of products.

The candidates come from the trigram index: products that share a piece with the misspelled word.
There is no table of words, so writing a product costs nothing more.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from operator import itemgetter

from larder.catalog import sql
from larder.catalog.search import TRIGRAM, indexed
from larder.core.limits import MAX_CORRECTED_LENGTH, MAX_CORRECTED_WORDS
from larder.db import database

SHORTEST = TRIGRAM + 1
"""Characters of the shortest word that is corrected: one mistake leaves too little of others."""

LONG = 8
"""Characters of a word in which two mistakes are corrected."""


def corrected(words: Sequence[str]) -> tuple[str, ...] | None:
    """Returns the words of a search, with those that no product contains replaced by the nearest
    words of products that contain the others. None if all are known, or one cannot be corrected.

    Words with digits are not corrected: another SKU is another product.
    """
    unknown = _unknown(words)
    if not 0 < len(unknown) <= MAX_CORRECTED_WORDS or not all(map(_is_correctable, unknown)):
        return None
    found = dict.fromkeys(words, "")
    known = [word for word in words if word not in unknown]
    for word in unknown:
        nearest = _nearest(word, _candidates(word.lower(), known))
        if nearest is None:
            return None
        found[word] = nearest
        known.append(nearest)
    return tuple(dict.fromkeys(found[word] or word for word in words))


def _unknown(words: Sequence[str]) -> list[str]:
    """Returns the words that no listed product contains. Words without a trigram count as known."""
    long = indexed(words)
    if not long:
        return []
    ((*is_known,),) = database.rows(sql.known_words(len(long)), [one for one in long for _ in "ab"])
    return [word for word, known in zip(long, is_known, strict=True) if not known]


def _is_correctable(word: str) -> bool:
    return SHORTEST <= len(word) <= MAX_CORRECTED_LENGTH and not any(map(str.isdigit, word))


def _candidates(word: str, known: Sequence[str]) -> list[str]:
    """Returns the words that share a piece with this word, of products that contain all known
    words; the most frequent first."""
    pieces = _pieces(word)
    statement = sql.similar_words(len(pieces), len(known))
    parameters = [*pieces, *known, len(word) - 2, *pieces]
    return [row[0] for row in database.rows(statement, parameters)]


def _pieces(word: str) -> list[str]:
    """Returns the beginning and the end of a word, at least one of which a mistake leaves.

    In a short word a mistake can touch both. There the spaces around it make shorter pieces, and
    changing places of two characters makes the word itself.

    >>> _pieces("lantern"), _pieces("lamp")
    (['lan', 'ern'], ['lam', 'amp', ' la', 'mp ', 'lmap'])
    """
    size = max(TRIGRAM, (len(word) - 1) // 2)
    found = [word[:size], word[-size:]]
    if len(word) <= 2 * TRIGRAM:
        found += [f" {word[:2]}", f"{word[-2:]} "]
        found += [
            word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(1, len(word) - 2)
        ]
    return found


def _nearest(word: str, candidates: Iterable[str]) -> str | None:
    """Returns the candidate with the fewest mistakes, the most frequent of equals; None if all
    have too many."""
    wanted = _folded(word)
    allowed = 2 if len(wanted) >= LONG else 1
    compared = [(_distance(wanted, _folded(one)), one) for one in candidates]
    best = min(compared, key=itemgetter(0), default=None)
    return best[1] if best and best[0][0] <= allowed else None


def _folded(word: str) -> str:
    """Returns a word without case and accents.

    >>> _folded("Crème"), _folded("STRAßE")
    ('creme', 'strasse')
    """
    parts = unicodedata.normalize("NFKD", word.casefold())
    return "".join(one for one in parts if not unicodedata.combining(one))


def _distance(word: str, other: str) -> tuple[int, int]:
    """Returns the number of mistakes that lead from the beginning of the other word to this word,
    and from all of it. Mistakes are a missing, an additional or a wrong character, and two
    characters that changed places (optimal string alignment).

    >>> _distance("latnern", "lantern"), _distance("latn", "lantern")
    ((1, 1), (1, 3))
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for at, letter in enumerate(word, 1):
        above, before, row = before, row, [at]
        for to, its in enumerate(other, 1):
            cost = min(row[-1] + 1, before[to] + 1, before[to - 1] + (letter != its))
            if at > 1 < to and letter == other[to - 2] and word[at - 2] == its:
                cost = min(cost, above[to - 2] + 1)
            row.append(cost)
    return min(row), row[-1]
