"""The texts of the OpenAPI document: the API on one screen, its parts, and what the fields of
bodies and answers mean, by name.

A field that has another meaning in one schema is also here as `Schema.field`. A description in a
struct's annotation goes before both.
"""

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
JSON pointer, `lines` all products that cannot be ordered. Each operation lists its codes.

**Pages.** Lists take `limit` ({PAGE_ROWS}, at most {MAX_PAGE_ROWS}) and answer `next`, the \
absolute URL of the next page or null. Use it unchanged. A page may be shorter than `limit` \
and still have a `next`: a page of orders has at most {MAX_PAGE_LINES:,} lines.

**Safe retries.** Send an `Idempotency-Key` (a new UUID for each action) with every POST that \
creates or changes something, and repeat the request with the same key until there is an answer: \
it has one effect. An order may also have an `id` that the client chooses.

**ETags.** Answers to reads have an `ETag`. Sent as `If-None-Match`, the answer is 304 while \
nothing has changed. Sent as `If-Match`, a change is made only if the object has not changed since \
you read it (412 otherwise). Send it unchanged, with its quotes.

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

DESCRIPTIONS = {
    "path.address": "The `id` of the address.",
    "path.category": "The `id` of the category.",
    "path.key": "The `id` of the key.",
    "path.order": "The `id` of the order.",
    "path.session": "The `id` of the session.",
    "path.code": "The code of the problem.",
    "path.provider": "The payment provider.",
    "access": "The access token, for the Authorization header.",
    "action": "What was done.",
    "after": "The values that it got.",
    "amount": "In the minor unit of the currency.",
    "at": "When it happened.",
    "available": "Units that can be ordered.",
    "balance": "Units that can be ordered afterwards.",
    "barcode": "The code on the packing, such as a GTIN; or empty.",
    "before": "The values that it had.",
    "categories": "Categories below it.",
    "carrier": "Who carries the parcel, such as Royal Mail.",
    "category": "The `id` of the category; null for none.",
    "changed": "How many were changed.",
    "city": "The town or city.",
    "client": "The program that logged in, by its User-Agent.",
    "ProblemFault.code": "What is wrong, for programs. More may be added.",
    "ProblemLine.code": "What is wrong with the line, for programs. More may be added.",
    "committed": "Units in orders that were not shipped.",
    "committed_balance": "Units in orders that were not shipped, afterwards.",
    "committed_delta": "The change of the units in orders that were not shipped.",
    "company": "The firm at the address.",
    "correlation_id": "The id of the request in the logs of the shop.",
    "count": "The number of all rows; only if the request asks for it.",
    "counted": "The units that were counted on the shelf.",
    "country": "ISO 3166, two capital letters.",
    "created": "How many were created.",
    "created_at": "When it was created.",
    "currency": "ISO 4217, three capital letters.",
    "current": "Whether it is the session of this request.",
    "current_password": "The password until now.",
    "customer": "The `id` of the account whose order it is.",
    "data": "What belongs to this type of event.",
    "date_joined": "When the account was made.",
    "deleted": "True: it is no longer on sale.",
    "delta": "The change of the units that can be ordered.",
    "derived": "Whether it came with a log-in of an earlier API.",
    "description": "What it is, for customers.",
    "detail": "What is wrong, in English, for developers.",
    "differs": "The values in which the record differs.",
    "email": "The email address; or empty.",
    "errors": "All faults of the request.",
    "expected": "What the request expected.",
    "expected_price": "The line is refused at any other price.",
    "expected_total": "The order is refused at any other total.",
    "expires_at": "When it ends.",
    "expires_in": "Seconds until the access token expires.",
    "first_name": "The given name.",
    "from": "The status before.",
    "Notice.from": "The price when the line was added.",
    "hold_seconds": "How long the hold lasts; left out, as long as the shop has set.",
    "id": "The id.",
    "NewOrder.id": "The id of the order, chosen by the client.",
    "image_url": "The address of a picture; or empty.",
    "intent": "The id of the payment at the provider.",
    "is_staff": "Whether the account is one of staff.",
    "key": "The key itself, which is shown once.",
    "kind": "What kind of movement it is.",
    "label": "What the customer calls it.",
    "last_name": "The family name.",
    "last_used_at": "When it was last used.",
    "limit": "The limit that would be exceeded.",
    "line1": "The street and the number.",
    "line2": "A second line of the street.",
    "lines": "One entry for each product.",
    "Problem.lines": "All lines that are refused.",
    "low_stock_threshold": "From so many units on, the shop is warned; null for never.",
    "max_per_order": "The most units in one order; null for any number.",
    "may_order": "Whether the account may place orders.",
    "min_quantity": "The fewest units in one order.",
    "minimum": "The lowest total of an order.",
    "missing": "Whether the rest cannot be found; otherwise it can be ordered again.",
    "more": "There are more changes: send the next request at once.",
    "move": "The move that the status does not allow.",
    "name": "The name.",
    "new_password": "The password from now on.",
    "next": "The address of the next page; null on the last one.",
    "note": "A note of the customer for the shop.",
    "notices": "What has changed, or would be refused.",
    "number": "The number of the order, for people.",
    "offered": "The currency that the shop sells in.",
    "order": "The order in its present state.",
    "RefundDue.order": "The id of the order.",
    "Problem.order": "The id of the order that the record has.",
    "net_price": "The price of one unit without tax; null without a tax rate.",
    "net_total": "The sum of the lines without tax; null if a line has no tax rate.",
    "OrderLine.net_total": "The total without tax, as accounts have it; null without a rate.",
    "ordered": "Units that were ordered.",
    "parent": "The `id` of the category above it; null at the top.",
    "password": "The password.",
    "payment": "Whether the order has to be paid first.",
    "permission": "The permission that is missing.",
    "phone": "A telephone number.",
    "picked": "Units that were picked.",
    "EventContent.picked": "The lines that were picked short.",
    "placed_at": "When the order was placed.",
    "pointer": "A JSON pointer into the body, or the name of a parameter or header.",
    "postal_code": "The postal code.",
    "price": "The price of one unit.",
    "product": "The `id` of the product.",
    "Problem.products": "Products in the category, archived ones too.",
    "products": "With `split`: products that are new or have changed.",
    "provider": "The payment provider.",
    "public_id": "An id that does not show how many there are.",
    "quantity": "Units.",
    "Product.quantity": "Units that can be ordered now.",
    "quota": "The quota that is used up.",
    "reason": "Why it was done.",
    "recorded_at": "When the shop recorded it.",
    "reference": "The customer's own reference.",
    "refresh": "The refresh token.",
    "LogIn.refresh": "The last refresh token of this account, if there is one.",
    "region": "The state, county or region.",
    "requested": "Units that the request has.",
    "Problem.unpaid": "Units of the customer's orders of the last day that are not paid.",
    "requested_for": "The day on which the customer wants it.",
    "required": "Whether the order is held until it is paid.",
    "reset_token": "The token from the mail.",
    "restock": "Whether the units are sold again.",
    "results": "The rows.",
    "returned": "Units that came back.",
    "ship_to": "The address to ship to; null for none.",
    "shelf_place": "Where it is in the warehouse; or empty.",
    "shipped": "Units that were shipped.",
    "since": "The position for the next request.",
    "RefundDue.since": "Since when it is due.",
    "sku": "The SKU: the shop's own code of the product.",
    "status": "The HTTP status.",
    "step": "The number of units is a multiple of this.",
    "tax_rate": "Percent of tax in the price, with two decimals; null if none is known.",
    "tax_total": "The tax in the total; null if a line has no tax rate.",
    "title": "What the code means, in English.",
    "to": "The status after.",
    "token_type": "How the access token is sent.",
    "tokens": "The tokens of a first log-in.",
    "Register.tokens": "Whether to log in too.",
    "total": "The sum of the lines.",
    "tracking_number": "The number of the parcel at its carrier.",
    "transaction_id": "The id of the movement at the provider.",
    "type": "The address of the explanation of the code.",
    "unchanged": "How many were already as in the file.",
    "unit": "What one unit is, such as `bottle`; or empty.",
    "updated_at": "When it last changed.",
    "username": "The name to log in with.",
    "version": "Grows with each change. The number in the ETag.",
}
