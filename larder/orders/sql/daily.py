"""Counts orders by status and day for the admin's dashboard."""

OPEN_ORDERS = """
SELECT wanted.status,
    (SELECT count(*) FROM (SELECT FROM "order" AS one
     WHERE one.status = wanted.status AND one.status <> 'delivered' AND placed_at IS NOT NULL
     LIMIT %s) AS counted),
    (SELECT min(placed_at) FROM "order" AS one
     WHERE one.status = wanted.status AND one.status <> 'delivered' AND placed_at IS NOT NULL)
FROM unnest(%s::text[]) WITH ORDINALITY AS wanted (status, place) ORDER BY place
"""
"""For each status, but delivered ones, a range of order_by_status up to the limit, and its first
entry. The ORM
takes two statements for each status."""

DUE_ORDERS = """
SELECT wanted.status,
    (SELECT count(*) FROM (SELECT FROM "order" AS one
     WHERE one.requested_for <= given.day AND one.status = wanted.status
       AND one.status IN ('placed', 'packed') LIMIT given.most) AS counted)
FROM (VALUES ('placed'), ('packed')) AS wanted (status),
    (SELECT %s::date, %s::integer) AS given (day, most)
"""
"""For each status a range of order_due up to the limit. The index has only orders that are placed
or packed, and requested for a day: others cost it nothing. The ORM takes a statement for each
status."""

ADD_REFUSED = """
INSERT INTO refused_orders (day, code, number)
SELECT * FROM unnest(%s::date[], %s::text[], %s::bigint[])
ON CONFLICT (day, code) DO UPDATE SET number = refused_orders.number + excluded.number
"""
"""Adds counts to days and codes. On a conflict, the ORM can set a value, but not add to it."""
