"""Defines each limit of the product that clients or staff can reach, in one place.

The length of a text is in characters unless the name says BYTES. Models, request bodies, forms,
commands and SQL use these constants. A name that says everything has no sentence below it.
Three kinds of numbers are elsewhere: a constant that tunes one mechanism, in its module; a limit
that only an earlier contract has, in that contract; and the numbers in migrations, which never
change.
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

MAX_VERSION = 2**31 - 1
"""Versions of an object: the columns are integers."""

MAX_IDS = 200
"""Ids that one request lists in a query parameter: each is looked up in an index."""

MAX_HOLD_SECONDS = 7 * 86_400
"""Seconds for which an order can await its payment."""

MAX_CATEGORIES = 5_000
"""Categories of the shop: a move in the tree locks and reads all of them."""

# --- Money ---------------------------------------------------------------------------------
TAX_RATE_DECIMALS = 2

PRICE_DIGITS = 12
"""Digits of a price in total: the column is numeric(12,3)."""

MONEY_DECIMALS = 3
"""Digits of an amount after the decimal point: some currencies have three."""

TAX_RATE_DIGITS = 5
"""Digits of a tax rate in percent in total: the column is numeric(5,2)."""

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

MAX_CHANGED_PRODUCTS = 500
"""Rows of the product feed, or products of a full copy, in one answer."""

MAX_CHANGED_ORDERS = 100
"""Events, or orders of a full copy, in one answer: an order has up to MAX_LINES lines."""

MAX_SEARCH_WORDS = 10
"""Words of a search. Further words are ignored: each adds a condition to the query."""

MAX_FAULTS = 1_000
"""Faults that an answer lists, one for each line of a full body."""

# --- Requests ------------------------------------------------------------------------------
THUMBNAIL_SIDE = 320
MAX_POSITION_LENGTH = 255
MAX_EPOCH_LENGTH = 100

MAX_BODY_BYTES = 2 * 1024 * 1024
"""Bytes of a body or of an uploaded file: it is held in memory."""

MAX_OPEN_FAULTS = 50
"""Faults that an answer lists to a request without credentials: finding one takes 10 µs."""

MAX_OPEN_BODY_BYTES = 16 * 1024
"""Bytes of a body without credentials: a log-in, a registration, a refresh."""

MAX_OPEN_FORM_FIELDS = 100
"""Fields of a form without credentials: Django takes 10 µs for each."""

MAX_SIGNED_BODY_BYTES = 100 * 1024
"""Bytes of a body that is signed: an event of a payment provider."""

MAX_DISCARDED_BYTES = 16 * 1024 * 1024
"""Bytes of a body over its limit that are read and discarded, before its refusal is sent."""

MAX_PICTURE_BYTES = 10 * 1024 * 1024
"""Bytes of an uploaded picture: a photo of a phone has 2 to 8 MB."""

MAX_JPEG_PIXELS = 52_000_000
"""Pixels of an uploaded JPEG that is read at a smaller scale."""

MAX_PICTURE_PIXELS = 12_600_000
"""Pixels of every other uploaded picture, which is read completely."""

PICTURE_SIDE = 1_600
"""Pixels of the longer side of a stored picture, at most."""

MAX_FORM_BYTES = 256 * 1024
"""Bytes of an admin form without files: MAX_FORM_FIELDS fields need 200 KB."""

MAX_FORM_FIELDS = 3_000
"""Fields of an admin form: packing has two for each of MAX_LINES lines."""

CONFIRMED_SECONDS = 15 * 60
"""After it the admin asks for the password again before a dangerous change."""

MAX_JSON_BRACKETS = 20_000
"""Brackets of a body: one of MAX_LINES lines has 2,000."""

MAX_FILE_ROWS = 25_000
"""Rows of a product file sent over HTTP: it takes about four seconds, and other files wait."""

MAX_TABLE_BYTES = 30 * 1024 * 1024
"""Bytes of the cells of an uploaded file: many cells can share one long text."""

MAX_TABLE_COLUMNS = 256
"""Columns of an uploaded file. A product file has at most some 30."""

MAX_SHOWN_CHANGES = 200
"""Lines of a product file whose changes a preview lists. It counts the others."""

MAX_CATEGORY_LEVELS = 20
"""Names in a category's path in a file. Those above them are left out."""

MAX_POINTER_LENGTH = 1_000
"""A JSON pointer in an answer: its names come from the client."""

MAX_ACCEPT_LENGTH = 1_024
"""The part of an Accept header that is compared: 60,000 characters take up to 70 ms."""

MAX_IDEMPOTENCY_KEY_LENGTH = 255
"""An `Idempotency-Key`: it is part of a primary key."""

MAX_OPERATION_LENGTH = 200
"""The method and path of an `Idempotency-Key`: they are part of the same primary key."""

MAX_SINCE_LENGTH = 1_000
"""The `since` of a request for changes: those that a server creates are shorter."""

# --- Accounts ------------------------------------------------------------------------------
MAX_USERNAME_LENGTH = 150
MAX_PERSON_NAME_LENGTH = 150
MAX_REFRESH_TOKEN_LENGTH = 4_096
MAX_RESET_TOKEN_LENGTH = 200
MAX_KEY_NAME_LENGTH = 100
MAX_PASSKEYS = 10
MAX_ADDRESSES = 50
MAX_LABEL_LENGTH = 100

MAX_EMAIL_LENGTH = 254
"""An e-mail address: SMTP does not accept longer ones (RFC 5321)."""

MIN_PASSWORD_LENGTH = 8
"""A new password: shorter ones are easy to guess."""

MAX_PASSWORD_LENGTH = 1_024
"""A password, at a log-in and wherever one is set: hashing reads all of it."""

MAX_TOKEN_LENGTH = 2_048
"""A token to be decoded, which is done before its signature is checked."""

MAX_CLIENT_LENGTH = 200
"""The part of a `User-Agent` that is stored with a session, so that its owner recognizes it."""

MAX_SESSIONS = 50
"""Live sessions of an account in all API versions: servers load those that ended."""

MAX_KEYS = 50
"""Live keys of an account, without the derived one."""

MAX_KEY_PERMISSIONS = 100
"""The permissions that a request names for a key: more than there are."""

MAX_KEY_DAYS = 3_660
"""Days from the creation of a key to its expiry, if it has one."""

MAX_QUOTA = 1_000_000
"""Units of a quota that a shop can set. Its bucket is exact to a millisecond."""

MAX_FACTOR_CODE_LENGTH = 100
"""A code of the second factor as it is typed, with spaces and hyphens."""

MAX_PASSKEY_LENGTH = 20_000
"""The answer of a browser for a passkey, JSON in a hidden field, with certificates."""

MAX_PAYMENTS = 1_000
"""Records of payments of an order, from which on staff add none; events of providers do."""

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
MAX_FORM_LINES = 100
DASHBOARD_ROWS = 10
SHOWN_ORDERS = 20
MAX_SHOWN_EVENTS = 50

MAX_SHOWN_ROWS = 200
"""Rows of a list if staff select "Show all"."""

MAX_OFFERED_PRODUCTS = 10
"""Products that a line of an adjustment offers for what was typed."""

LARGE_DIFFERENCE = 20
"""Per cent of the shelf above which a difference of a count may be a typing mistake."""

MAX_LISTED_ROWS = 5_000
"""Rows of all pages of a list: counting a large table takes longer than reading a page."""

MAX_COUNTED_ORDERS = 1_000
"""Orders of a status, counted above the list and on the first page of the admin."""

MAX_SELECTED_ROWS = 100
"""Rows of one action: each is a transaction."""

MAX_EXPORTED_ROWS = 20_000
"""Rows of an exported file: it is created in memory, within one request."""

FORM_LINES = 10
"""Empty lines of a form. Its button "More lines" adds as many."""

MAX_SEARCHED_ORDERS = 50_000
"""Orders that a search, filter or order without an index reads, the newest."""

MAX_FOUND_ORDERS = 1_000
"""Orders that a search of staff finds, the newest."""

MAX_FOUND_OWNERS = 20
"""Customers, and products, whose orders a search of staff finds."""

MAX_SUMMED_ORDERS = 5_000
"""Orders of a customer that are counted and added up on the customer's page: the newest ones."""

MAX_SHOWN_EVENT_LINES = 20
"""Lines of an event that are shown. If it has more, only their number is shown."""
