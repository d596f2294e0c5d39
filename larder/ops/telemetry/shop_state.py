"""The state of the whole shop, for `/metrics`. It does not depend on the server that answers.

All servers return the same values, so a query uses the maximum: `max(larder_products_sold)`.
"""

from collections.abc import Iterable
from typing import NamedTuple

from django.db import Error
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from larder.db import database


class Gauge(NamedTuple):
    """A gauge; `rows` is the statement that returns its samples: the labels, then the value."""

    name: str
    means: str
    rows: str
    labels: tuple[str, ...] = ()


UP = Gauge(
    "larder_database_up",
    "1: the database answers this server. 0: it does not answer, or no connection was free.",
    "SELECT 1",
)

GAUGES = (
    UP,
    # Without `GRANT pg_monitor`, the server's role reads NULL here.
    Gauge(
        "larder_replica_lag_bytes",
        "Bytes of the primary's log that a replica has not replayed.",
        """
        SELECT coalesce(nullif(application_name, ''), 'unnamed'),
            max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn))::float
        FROM pg_stat_replication WHERE state = 'streaming' AND replay_lsn IS NOT NULL GROUP BY 1
        """,
        ("replica",),
    ),
    # Refunds that were paid are not in the table.
    Gauge(
        "larder_refunds_due_oldest_seconds",
        "Time since the oldest refund has been due.",
        "SELECT coalesce(extract(epoch FROM now() - min(since)), 0)::float FROM refund_due",
    ),
    # What the worker measures (larder/ops/tasks.py).
    Gauge(
        "larder_products_sold",
        "Products on sale, which are not archived.",
        "SELECT (found ->> 'sold')::float FROM observation WHERE subject = 'stock'",
    ),
    Gauge(
        "larder_products_out_of_stock",
        "Products on sale of which nothing can be ordered now.",
        "SELECT (found ->> 'out')::float FROM observation WHERE subject = 'stock'",
    ),
    Gauge(
        "larder_invariant_violations",
        "Rows that violate an invariant; must be 0.",
        """
        SELECT key, value::float FROM observation, jsonb_each_text(found::jsonb)
        WHERE subject = 'invariants'
        """,
        ("invariant",),
    ),
    Gauge(
        "larder_looked_at_timestamp_seconds",
        "Time of the worker's last sign of life (worker), or of its last task: stock, old_rows,"
        " invariants.",
        "SELECT subject, extract(epoch FROM at)::float FROM observation",
        ("subject",),
    ),
)


class ShopState(Collector):
    """Gauges that are queried when Prometheus reads them."""

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Returns the gauges; only larder_database_up if the database does not answer."""
        try:
            return [_family(gauge) for gauge in GAUGES]
        except Error:
            return [GaugeMetricFamily(UP.name, UP.means, value=0)]
        finally:
            database.release()


def _family(gauge: Gauge) -> GaugeMetricFamily:
    family = GaugeMetricFamily(gauge.name, gauge.means, labels=gauge.labels)
    for *labels, value in database.rows(gauge.rows):
        family.add_metric(labels, value)
    return family
