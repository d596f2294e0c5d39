"""Text in files that spreadsheets open."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def defuse(text: str) -> str:
    """The text, as no spreadsheet takes it for a formula.

    >>> defuse("=1+1"), defuse("Jam"), defuse("")
    ("'=1+1", 'Jam', '')
    """
    return f"'{text}" if text.startswith(_FORMULA) else text
