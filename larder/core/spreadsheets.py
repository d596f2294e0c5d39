"""Escapes text in files that spreadsheets open."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def escape_formula(text: str) -> str:
    """Returns the text so that no spreadsheet evaluates it as a formula.

    >>> escape_formula("=1+1"), escape_formula("Jam"), escape_formula("")
    ("'=1+1", 'Jam', '')
    """
    return f"'{text}" if text.startswith(_FORMULA) else text
