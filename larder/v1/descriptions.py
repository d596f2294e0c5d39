"""The texts of the OpenAPI document about the whole API, and about its parts."""

from larder.core.limits import MAX_PAGE_LINES, MAX_PAGE_ROWS, PAGE_ROWS

ABOUT = f"""\
The ordering backend behind a mobile app. It never sells units that are not in stock, never loses \
or duplicates an order, and explains each refusal with a stable code.

**Authentication.** `POST auth/token` exchanges a username and password for an access token \
(5 minutes) and a refresh token (30 days); send `Authorization: Bearer …`. On 401 `token_expired` \
use `POST auth/token/refresh`. Programs use a key from `POST auth/keys` instead. Operations for \
staff begin with "Staff:".

**Money** is a string with two decimals (a third only if it is not zero), such as `"2.55"`, \
tax included, in `currency`. Times are RFC 3339 in UTC.

**Errors** are `application/problem+json` with a stable `code`, by which apps decide and \
translate; `type` is the address of its explanation. `errors` names all faults of a request by \
JSON pointer (those of rules between fields once each field is valid), `lines` all products that \
cannot be ordered. Each operation lists its codes.

**Pages.** Lists take `limit` ({PAGE_ROWS}, at most {MAX_PAGE_ROWS}) and answer `next`, the \
absolute URL of the next page or null. Use it unchanged. A page may be shorter than `limit` \
and still have a `next`: a page of orders has at most {MAX_PAGE_LINES:,} lines.

**Safe retries.** Send an `Idempotency-Key` (a new UUID for each action) with every POST that \
creates or changes something, and repeat the request with the same key until there is an answer: \
it has one effect. An order may also have an `id` that the client chooses.

**ETags.** Answers to reads have an `ETag`. Sent as `If-None-Match`, the answer is 304 while \
nothing has changed. Sent as `If-Match`, a change is made only if the object has not changed since \
you read it (412 otherwise). Send it unchanged, with its quotes. The `version` of an object is the \
number in its ETag, and grows with each change.

**Freshness.** `quantity` is the number of units that can be ordered at the time of the answer. \
The product list shows orders up to 100 ms late, your own at once if you echo `Larder-Position` \
of the last write. Nothing is reserved until an order is placed. `version` and `updated_at` of a \
product change with the catalogue, not with units sold.

**Compatibility.** Within v1, fields, values and codes are only added: ignore unknown ones. \
Unknown fields in a body are refused; unknown query parameters are ignored.
"""

TAGS = {
    "auth": "Registering, logging in and out, and API keys for programs.",
    "me": "The caller's own account and addresses.",
    "products": "The catalogue: all callers read it, staff change it.",
    "categories": "The tree of the products.",
    "stock": "The units that can be ordered now; adjustments and the ledger for staff.",
    "cart": "The customer's one cart, the same on all devices, until it is submitted.",
    "orders": "Placing, changing and moving orders, and their history.",
    "payments": "Records of payments, refunds that are due, and events of payment providers.",
    "audit": "The actions of staff and commands, for staff with the permission.",
}
