"""Every limit of the product that a client or a member of staff can meet, each once.

A text is measured in characters unless the name says BYTES. Models, request shapes, forms,
commands and SQL derive from here; tests/architecture/test_limits.py finds a number beside it.
Three kinds of numbers stand elsewhere: a constant that tunes one mechanism, in its module; a
limit that only an earlier contract has, in that contract; and migrations, which repeat what the
database held when they were written.
"""

# --- Quantities and lines ------------------------------------------------------------------
MAX_UNITS = 1_000_000
"""Units in one line of a request, in a line of a cart, and in a product's rules for a line."""

MAX_LINES = 1_000
"""Lines of an order, a cart or an adjustment: one transaction locks the stock of them all."""

MAX_ORDERED_UNITS = MAX_LINES * MAX_UNITS
"""Units of one product in an order: lines of one product are added up. Fits an integer column."""

MAX_STOCK = 2**31 - 1
"""Units of a product that are available: the column is an integer."""

MAX_ID = 2**63 - 1
"""Ids and order numbers: the columns are bigint."""

MAX_VERSION = 2**31 - 1
"""Versions of an object: the columns are integers."""

MAX_IDS = 200
"""Ids that one request lists in a query parameter: each is looked up in an index."""

# --- Money ---------------------------------------------------------------------------------
PRICE_DIGITS = 12
"""Digits of a price in all: the column is numeric(12,3)."""

MONEY_DECIMALS = 3
"""Digits after the point of any amount: some currencies have three."""

TOTAL_DIGITS = 24
"""Digits of an order's total in all: MAX_LINES of MAX_UNITS at the highest price fit."""

# --- Pages ---------------------------------------------------------------------------------
PAGE_ROWS = 20
"""Rows of a page where no number is asked for."""

MAX_PAGE_ROWS = 100
"""Rows of a page, whatever number is asked for: a page takes a bounded time."""

MAX_PAGE_LINES = 5_000
"""Order lines of a page of orders, and entries of a page of events: both bound its memory."""

MAX_CHANGED_PRODUCTS = 500
"""Rows of the feed of products, or products of a full copy, in one answer."""

MAX_CHANGED_ORDERS = 100
"""Events, or orders of a full copy, in one answer: an order has up to MAX_LINES lines."""

MAX_SEARCH_WORDS = 10
"""Words of a search; further ones are not looked for: each is one more condition."""

MAX_FAULTS = 1_000
"""Faults that an answer names, one for each line of a full body. Those behind them show once these
are corrected."""

# --- Requests ------------------------------------------------------------------------------
MAX_BODY_BYTES = 2 * 1024 * 1024
"""Bytes of a body or of an uploaded file: it is held in memory."""

MAX_OPEN_BODY_BYTES = 16 * 1024
"""Bytes of a body that is sent without credentials: a log-in, a registration, a refresh."""

MAX_DISCARDED_BYTES = 16 * 1024 * 1024
"""Bytes of a body over its limit that are still read and discarded: a client that is sending does
not look for an answer, and would see a broken connection instead of the refusal."""

MAX_FORM_BYTES = 256 * 1024
"""Bytes of a form of the admin without files: MAX_FORM_FIELDS need 200 KB."""

MAX_FORM_FIELDS = 3_000
"""Fields of a form of the admin: an order of MAX_LINES lines, each with two fields, is packed on
one page."""

MAX_ADMIN_ADDRESS_LENGTH = 4_096
"""A path of the admin and its query: the log-in decodes and quotes `next` often."""

MAX_JSON_DEPTH = 32
"""Levels of arrays and objects of a body: decoders recurse. An order with an address has three."""

MAX_FILE_ROWS = 25_000
"""Rows of a file of products that is sent over HTTP: some four seconds, in which other files wait.
`manage.py import_products` takes files of any length."""

MAX_POINTER_LENGTH = 1_000
"""A JSON pointer in an answer: names in it come from the client."""

MAX_ACCEPT_LENGTH = 1_024
"""The part of an Accept header that is compared; the rest is ignored. To compare 60,000 characters
takes 20 to 70 ms of CPU, before authentication."""

MAX_IDEMPOTENCY_KEY_LENGTH = 255
"""An `Idempotency-Key`: it is part of a primary key."""

MAX_OPERATION_LENGTH = 200
"""Method and path that an `Idempotency-Key` belongs to: they are part of the same primary key."""

MAX_POSITION_LENGTH = 255
"""A `Larder-Position` that a client sends."""

MAX_SINCE_LENGTH = 1_000
"""The `since` of a request for changes: a server makes shorter ones."""

MAX_EPOCH_LENGTH = 100
"""The part of a `since` that names the database it is of."""

# --- Accounts ------------------------------------------------------------------------------
MAX_USERNAME_LENGTH = 150
"""A username, in Unicode's normal form KC."""

MAX_PERSON_NAME_LENGTH = 150
"""A first name or a last name."""

MAX_EMAIL_LENGTH = 254
"""An e-mail address: SMTP transports no longer one (RFC 5321)."""

MIN_PASSWORD_LENGTH = 8
"""A new password: shorter ones are guessed."""

MAX_PASSWORD_LENGTH = 1_024
"""A password, at every log-in and therefore wherever one is set: hashing reads all of it."""

MAX_REFRESH_TOKEN_LENGTH = 4_096
"""A refresh token in a body: more than a token that can be valid has."""

MAX_TOKEN_LENGTH = 2_048
"""A token that is decoded; those made here have about 600. The header of a longer one could be
nested as deep as a decoder's stack goes, and it is decoded before the signature is checked."""

MAX_RESET_TOKEN_LENGTH = 200
"""The token of a mail that resets a password: more than one has."""

MAX_CLIENT_LENGTH = 200
"""The part of a `User-Agent` that is kept with a session, for its owner to recognize it."""

MAX_SESSIONS = 50
"""Live sessions of an account, of all API versions together: servers read those that ended."""

MAX_KEYS = 50
"""Live keys of an account, the derived one not counted."""

MAX_KEY_NAME_LENGTH = 100
"""The name of a key."""

MAX_ADDRESSES = 50
"""Addresses that an account keeps."""

MAX_LABEL_LENGTH = 100
"""The label of a kept address."""

# --- Texts ---------------------------------------------------------------------------------
MAX_NAME_LENGTH = 1_024
"""A product's name."""

MAX_NAME_BYTES = 2_600
"""A product's name in UTF-8: PostgreSQL's index of names holds no more."""

MAX_SKU_LENGTH = 64
"""A SKU."""

MAX_DESCRIPTION_LENGTH = 20_000
"""A product's description: a page of products has MAX_PAGE_ROWS of them."""

MAX_UNIT_NAME_LENGTH = 40
"""What a product is sold by, such as `case of 6`."""

MAX_WEB_ADDRESS_LENGTH = 500
"""The address of a product's image."""

MAX_TEXT_LENGTH = 2_000
"""A text of several lines: the note of an order."""

MAX_SHORT_TEXT_LENGTH = 200
"""A text of one line: a reference, a reason, a line of an address, a category's name, a search."""

MAX_CODE_LENGTH = 64
"""A code that others assign: a barcode, a postal code, a phone number, a ledger reference."""

MAX_WORD_LENGTH = 40
"""A word that programs decide by: the reason of an adjustment, the cause of a ledger entry."""

COUNTRY_LENGTH = 2
"""A country, as ISO 3166 has it."""

# --- The admin -----------------------------------------------------------------------------
LISTED_ROWS = 50
"""Rows of a page of a list."""

MAX_SHOWN_ROWS = 200
"""Rows that a list shows at once if staff ask for all of them."""

MAX_LISTED_ROWS = 5_000
"""Rows that a list can be paged through; beyond them staff search or filter. To count a large
table takes longer than its page."""

MAX_SELECTED_ROWS = 100
"""Rows that one action is applied to: each is a transaction."""

MAX_EXPORTED_ROWS = 20_000
"""Rows of an exported file: it is made in memory, within one request."""

FORM_LINES = 10
"""Empty lines of a page that staff fill; its button "More lines" adds as many."""

MAX_FORM_LINES = 100
"""Lines of a page that staff fill."""

MAX_FILTER_CHOICES = 200
"""Categories offered as a filter; the others are reached through the search."""

LATEST_ORDERS = 10
"""Orders on the first page."""

MAX_COUNTED_ORDERS = 1_000
"""Orders of a day that the first page counts: no index has the times of all orders, so the
newest are looked at, by number."""

MAX_SHOWN_EVENTS = 50
"""Events of an order that its page shows, the newest."""

MAX_SHOWN_EVENT_LINES = 20
"""Lines of an event that are shown one by one; of more, only how many they are."""
