"""The names that columns of a product file may have: those of the fields of v1, also with spaces,
and those of the admin in German (tests/staff/test_german_names.py compares them)."""

GERMAN = {
    "artikelnummer": "sku",
    "preis": "price",
    "beschreibung": "description",
    "kategorie": "category",
    "einheit": "unit",
    "bildadresse": "image_url",
    "mindestmenge": "min_quantity",
    "höchstmenge": "max_per_order",
    "mengenschritt": "step",
    "steuersatz": "tax_rate",
    "lagerplatz": "shelf_place",
    "meldebestand": "low_stock_threshold",
    "etiketten": "tags",
    "anfangsbestand": "quantity",
    "währung": "currency",
    "verfügbar": "available",
    "reserviert": "committed",
    "archiviert am": "archived_at",
    "geändert am": "updated_at",
}
"""The fields of v1 by their names in German, unless both are the same."""


def column_of(cell: str) -> str:
    """Returns the name of a column by a cell of the first line, which may be unknown.

    >>> column_of(" Artikelnummer "), column_of("Tax rate"), column_of("Colour")
    ('sku', 'tax_rate', 'colour')
    """
    name = cell.strip().lower()
    return GERMAN.get(name) or name.replace(" ", "_")
