"""Defines the limits that several modules use: models, request bodies, forms, commands and SQL. One
that a single module uses is defined there.

The length of a text is in characters unless the name says BYTES. A name that says everything has no
sentence below it.
"""

# --- Quantities and lines ------------------------------------------------------------------
MAX_UNITS = 1_000_000
"""Units in a line of a request or a cart, and in a product's rules for a line."""

MAX_LINES = 1_000
"""Lines of an order, a cart or an adjustment: one transaction locks the stock of all of them."""

MAX_ORDERED_UNITS = MAX_LINES * MAX_UNITS
"""Units of one product in an order: the lines of a product are added. Fits an integer column."""

MAX_STOCK = 2**31 - 1
"""Available units of a product: the column is an integer."""

MAX_ID = 2**63 - 1
"""Ids and order numbers: the columns are bigint."""

MAX_HOLD_SECONDS = 7 * 86_400
"""Seconds for which an order can await its payment."""

# --- Money ---------------------------------------------------------------------------------
PRICE_DIGITS = 12
"""Digits of a price in total: the column is numeric(12,3)."""

MONEY_DECIMALS = 3
"""Digits of an amount after the decimal point: some currencies have three."""

MAX_TAX_RATE = 100
"""Percent. No known tax on goods is higher."""

TOTAL_DIGITS = 24
"""Digits of an order's total: MAX_LINES lines of MAX_UNITS at the highest price fit."""

MAX_PAYMENT = 10**15
"""Minor units of one payment: the sums of an order's payments are bigint."""

# --- Pages ---------------------------------------------------------------------------------
PAGE_ROWS = 20
"""Rows of a page if the request has no `limit`."""

MAX_PAGE_ROWS = 100
"""Rows of a page, whatever the request's `limit`: this bounds the time of a page."""

MAX_PAGE_LINES = 5_000
"""Order lines of a page of orders: this bounds the memory."""

MAX_FAULTS = 1_000
"""Faults that an answer lists, one for each line of a full body."""

# --- Requests ------------------------------------------------------------------------------
THUMBNAIL_SIDE = 320

MAX_BODY_BYTES = 2 * 1024 * 1024
"""Bytes of a body or of an uploaded file: it is held in memory."""

MAX_OPEN_BODY_BYTES = 16 * 1024
"""Bytes of a body without credentials: a log-in, a registration, a refresh."""

MAX_OPEN_FORM_FIELDS = 100
"""Fields of a form without credentials: Django takes 10 µs for each."""

MAX_DISCARDED_BYTES = 16 * 1024 * 1024
"""Bytes of a body over its limit that are read and discarded, before its refusal is sent."""

MAX_PICTURE_BYTES = 10 * 1024 * 1024
"""Bytes of an uploaded picture: a photo of a phone has 2 to 8 MB."""

MAX_FORM_FIELDS = 3_000
"""Fields of an admin form: packing has two for each of MAX_LINES lines."""

CONFIRMED_SECONDS = 15 * 60
"""After it the admin asks for the password again before a dangerous change."""

MAX_FILE_ROWS = 25_000
"""Rows of a product file sent over HTTP: it takes about four seconds, and other files wait."""

MAX_IDEMPOTENCY_KEY_LENGTH = 255
"""An `Idempotency-Key`: it is part of a primary key."""

# --- Accounts ------------------------------------------------------------------------------
MAX_USERNAME_LENGTH = 150
MAX_PERSON_NAME_LENGTH = 150
MAX_RESET_TOKEN_LENGTH = 200
MAX_KEY_NAME_LENGTH = 100
MAX_PASSKEYS = 10
MAX_ADDRESSES = 50
MAX_LABEL_LENGTH = 100
MAX_DEVICES = 20
MAX_WATCHES = 200

MAX_DEVICE_ADDRESS_LENGTH = 1_024
"""The address of a device: push services have up to 500 characters. It is part of an index."""

MAX_EMAIL_LENGTH = 254
"""An e-mail address: SMTP does not accept longer ones (RFC 5321)."""

MIN_PASSWORD_LENGTH = 8
"""A new password: shorter ones are easy to guess."""

MAX_PASSWORD_LENGTH = 1_024
"""A password, at a log-in and wherever one is set: hashing reads all of it."""

MAX_CLIENT_LENGTH = 200
"""The part of a `User-Agent` that is stored with a session, so that its owner recognizes it."""

# --- Texts ---------------------------------------------------------------------------------
MAX_NAME_LENGTH = 1_024
MAX_SKU_LENGTH = 64
MAX_UNIT_NAME_LENGTH = 40
MAX_WEB_ADDRESS_LENGTH = 500
MAX_AUDITED_OBJECT_LENGTH = 100

MAX_DESCRIPTION_LENGTH = 20_000
"""A product's description: a page of products has MAX_PAGE_ROWS of them."""

MAX_TEXT_LENGTH = 2_000
"""A text of several lines: the note of an order or of an adjustment."""

MAX_SHORT_TEXT_LENGTH = 200
"""A text of one line: a reference, a reason, a line of an address, a category's name, a search."""

MAX_CODE_LENGTH = 64
"""An external code: a barcode, a postal code, a phone number, a ledger reference, a carrier or its
tracking number."""

MAX_WORD_LENGTH = 40
"""A keyword for programs: the reason of an adjustment, the cause of a ledger entry."""

COUNTRY_LENGTH = 2
"""A country code of ISO 3166-1 alpha-2."""

# --- The admin -----------------------------------------------------------------------------
LISTED_ROWS = 50
SHOWN_ORDERS = 20
MAX_SHOWN_EVENTS = 50

MAX_SHOWN_ROWS = 200
"""Rows of a list if staff select "Show all", and of an action, which has a transaction for each."""

MAX_OFFERED_PRODUCTS = 10
"""Products that a line of an adjustment offers for what was typed."""

MAX_LISTED_ROWS = 5_000
"""Rows of all pages of a list: counting a large table takes longer than reading a page."""

MAX_COUNTED_ORDERS = 1_000
"""Orders of a status, counted above the list and on the first page of the admin."""

MAX_FOUND_OWNERS = 20
"""Customers, and products, whose orders a search of staff finds."""
