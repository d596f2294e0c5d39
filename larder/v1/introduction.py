"""What stands at the head of the OpenAPI document: the API in a screenful, and its parts."""

from larder.core.limits import MAX_PAGE_LINES, MAX_PAGE_ROWS, PAGE_ROWS

ABOUT = f"""\
The ordering backend behind a mobile app: it never sells what it does not have, never loses or \
doubles an order, and says exactly why when it refuses.

**Authentication.** `POST auth/token` exchanges a username and password for an access token \
(5 minutes) and a refresh token (30 days); send `Authorization: Bearer …`. On 401 `token_expired` \
use `POST auth/token/refresh`. Programs use a key of `POST auth/keys` instead. Staff operations \
say so.

**Money** is a string with two decimals (a third only where it is not zero), such as `"2.55"`, \
net, in `currency`. Times are RFC 3339 in UTC.

**Errors** are `application/problem+json` with a stable `code` to decide and translate by; `type` \
leads to what it means and what to do. `errors` names all faults of a request by JSON pointer, \
`lines` all products that cannot be had. Each operation lists the codes it can answer with.

**Pages.** Lists take `limit` ({PAGE_ROWS}, at most {MAX_PAGE_ROWS}) and answer `next`, the \
absolute address of the next page or null. Follow it as it is. A page may be shorter than `limit` \
and still have a `next`: one of orders has at most {MAX_PAGE_LINES:,} lines.

**Safe retries.** Send an `Idempotency-Key` (a new UUID for each thing to be done) with every POST \
that makes or moves something, and repeat the request with the same key until there is an answer: \
it is carried out once. An order may carry an `id` of your own too.

**ETags.** Reads answer an `ETag`: as `If-None-Match` it gives 304 while nothing changed, as \
`If-Match` it lets a change through only if the object is still the one you read (412 otherwise). \
Send it as it was answered, quotes included.

**Freshness.** `quantity` is what can be ordered at the moment of the answer; in the product list \
what others did may show 100 ms late, your own orders at once. Nothing is reserved until an order \
is placed. `version` and `updated_at` of a product speak of the catalogue, not of \
units sold.

**Compatibility.** Within v1, fields, values and codes are only added: ignore what you do not \
know. Unknown fields in a body are refused; unknown query parameters are not looked at.
"""

TAGS = {
    "auth": "Registering, logging in and out, and long-lived keys for programs.",
    "me": "The caller's own account and addresses.",
    "products": "The catalogue: everybody reads it, staff keep it.",
    "categories": "The tree that products stand in.",
    "stock": "What can be ordered now; adjustments and the ledger for staff.",
    "cart": "The customer's one cart, the same on all devices, until it is submitted.",
    "orders": "Placing, changing and moving orders, and their history.",
    "audit": "What staff and commands did, for those who may see it.",
}
