"""Codes and details of the services in the language of the request.

The services and the APIs are in English. What staff see of them is translated here: a code is shown
as it is in English, and a detail with values by the text that it was made from.
"""

import re
from functools import cache

from django.utils.translation import get_language, gettext, gettext_noop


def word(code: str) -> str:
    """Returns a code, such as a status or the name of a field, for staff."""
    spaced = code.replace("_", " ")
    translated = gettext(spaced) if spaced else ""
    return code if translated == spaced else translated


def of_service(detail: str) -> str:
    """Returns the detail of a fault for staff."""
    translated = gettext(detail) if detail else ""
    if translated != detail or get_language() != "de":
        return translated
    for text in DETAILS:
        if found := _pattern(text).fullmatch(detail):
            return gettext(text).format(*(of_service(one) for one in found.groups()))
    # A part of another detail may be a sentence without its point.
    whole = f"{detail}."
    sentence = gettext(whole)
    return detail if sentence == whole else sentence.rstrip(".")


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile("(.*?)".join(map(re.escape, text.split("{}"))), re.DOTALL)


CODES = (
    # Statuses of orders and of payments, and kinds of payments.
    *(gettext_noop("draft"), gettext_noop("pending"), gettext_noop("expired")),
    *(gettext_noop("placed"), gettext_noop("packed"), gettext_noop("shipped")),
    *(gettext_noop("delivered"), gettext_noop("cancelled"), gettext_noop("returned")),
    *(gettext_noop("unpaid"), gettext_noop("authorised"), gettext_noop("part paid")),
    *(gettext_noop("paid"), gettext_noop("part refunded"), gettext_noop("refunded")),
    *(gettext_noop("overpaid"), gettext_noop("disputed"), gettext_noop("captured")),
    *(gettext_noop("authorisation released"), gettext_noop("failed")),
    *(gettext_noop("refund failed"), gettext_noop("dispute won")),
    # Events of orders without another text.
    *(gettext_noop("confirmed"), gettext_noop("changed")),
    # Causes of the ledger, and reasons of adjustments.
    *(gettext_noop("opening"), gettext_noop("order"), gettext_noop("hold")),
    *(gettext_noop("release"), gettext_noop("change"), gettext_noop("cancel")),
    *(gettext_noop("pack"), gettext_noop("missing"), gettext_noop("ship")),
    *(gettext_noop("unship"), gettext_noop("return"), gettext_noop("received")),
    *(gettext_noop("counted"), gettext_noop("damaged"), gettext_noop("lost")),
    gettext_noop("correction"),
    # Actions and channels of the audit trail.
    *(gettext_noop("create"), gettext_noop("delete"), gettext_noop("archive")),
    *(gettext_noop("restore"), gettext_noop("export"), gettext_noop("end")),
    *(gettext_noop("set password"), gettext_noop("offer reset"), gettext_noop("add note")),
    gettext_noop("change tags"),
    *(gettext_noop("abandon"), gettext_noop("refused"), gettext_noop("record payment")),
    *(gettext_noop("admin"), gettext_noop("command"), gettext_noop("import")),
    *(gettext_noop("mail"), gettext_noop("adjust"), gettext_noop("place")),
    *(gettext_noop("confirm"), gettext_noop("deliver"), gettext_noop("track")),
    *(gettext_noop("unpack"), gettext_noop("use recovery code")),
    *(gettext_noop("enrol second factor"), gettext_noop("make recovery codes")),
    *(gettext_noop("remove second factor"), gettext_noop("reset second factor")),
    *(gettext_noop("make enrolment code"), gettext_noop("end credentials")),
)
"""Codes that staff see, with spaces. Names of fields are in model_names.py."""

DETAILS: tuple[str, ...] = (
    gettext_noop("Expected at most {} characters, found {}."),
    gettext_noop("{}; found “{}”. Several categories have this name: {}."),
    gettext_noop("{}; found “{}”."),
    gettext_noop("{}; found an empty cell."),
    gettext_noop("Expected a whole number from {} to {}"),
    gettext_noop("Expected a whole number"),
    gettext_noop("Expected an amount in {}, the currency of the shop"),
    gettext_noop("Expected the id, the name or the path of one category, such as Drinks / Tea"),
    gettext_noop("Expected the id, the name or the path of one category, such as Drinks / Tea."),
    gettext_noop(
        "Expected no mark of thousands. Three decimals need the mark of the file: a comma in "
        "a file with semicolons, a point in a file with commas"
    ),
    gettext_noop(
        "Expected each quote inside of a quoted text twice, and a quote at its end; found: {}."
    ),
    gettext_noop(
        "Expected {} cells, as in the first line; found {}. Text with the separator or a line"
        " break in it needs quotes."
    ),
    gettext_noop(
        "Expected UTF-8, UTF-16 with a byte order mark, or Windows-1252. Save the file as "
        "“CSV UTF-8”."
    ),
    gettext_noop("Too many columns. Known: {}."),
    gettext_noop("Expected a column sku. The first line names the columns."),
    gettext_noop(
        "Expected a column with new values, such as price. The first line names the columns."
    ),
    gettext_noop("Expected one of {}."),
    gettext_noop("This column occurs twice."),
    gettext_noop("At most {} rows."),
    gettext_noop("No product has the SKU {}, and new ones need {}."),
    gettext_noop("No archived product has the SKU {}: empty this cell. Files archive nothing."),
    gettext_noop("Line {} has this SKU too."),
    gettext_noop("A product {} was added meanwhile."),
    gettext_noop("max_per_order must not be less than min_quantity."),
    gettext_noop("No multiple of step lies between min_quantity and max_per_order."),
    gettext_noop(
        "The picture could not be stored. Try again; if this repeats, tell your operator."
    ),
    gettext_noop("Expected at most {} MB."),
    gettext_noop("The picture has {} × {} pixels. Expected at most {} pixels."),
    gettext_noop(
        "This is not a complete JPEG, PNG or WebP picture. Save it as one of these formats."
    ),
    gettext_noop("This is no workbook, or it is damaged. Save the file again, as XLSX or as CSV."),
    gettext_noop("The workbook has more than {} bytes when it is unpacked."),
    gettext_noop("At most {} columns."),
    gettext_noop(
        "The file takes more time or memory than a table of products may. Copy the rows into a new "
        "sheet without formats, and save it again, as XLSX or as CSV."
    ),
    gettext_noop(
        "Expected a code with all its digits. Make the column one of text, and enter the code again"
    ),
    gettext_noop(
        "Cell {} has a formula without a value. Open the file in a spreadsheet and save it, or "
        "replace the formula by its value."
    ),
    gettext_noop("Expected at most {} tags, found {}."),
    gettext_noop("Expected at most {} characters of a tag."),
    gettext_noop("Expected tags without commas, control and invisible characters."),
    gettext_noop("You have a view of this name."),
    gettext_noop("You have {} views, and cannot have more. Delete one first."),
    gettext_noop("The filters and the search are too long to be saved."),
    gettext_noop("Expected one line of at most {} characters."),
    gettext_noop("Several products have this barcode. Enter the SKU."),
    gettext_noop("A count has at most {} products. Book it, then begin another one."),
    gettext_noop("Expected from 0 to {} counted units of a product."),
    gettext_noop("Text must not contain the character U+{}."),
    gettext_noop("There is no such customer."),
    gettext_noop("Control and invisible characters are not allowed."),
    gettext_noop("The order has no such line."),
    gettext_noop("This product is already in another line."),
    gettext_noop("Expected at most {}, the ordered quantity."),
    gettext_noop("Between 1 and {} characters are allowed."),
    gettext_noop("At most {} characters in Unicode normalization form KC."),
    gettext_noop("At most {} characters."),
    gettext_noop("There can be no such address."),
    gettext_noop("Expected a time in the next {} days."),
    gettext_noop("There is no such permission of staff."),
    gettext_noop("A counted product may occur in one line only."),
)
"""The details of faults, with {} for each value; a longer text comes before a part of it."""
