"""The SQL of metrics and probes, with the plans that it relies on. tests/ops/test_shop_state.py and
test_health.py compare the results with what they have stored."""

JOBS = """
SELECT count(*) FILTER (WHERE job.status = 'todo'), count(*) FILTER (WHERE job.status = 'doing'),
    count(*) FILTER (WHERE due), coalesce(extract(epoch FROM
        now() - min(coalesce(scheduled_at, deferred.at)) FILTER (WHERE due)), 0)::float
FROM procrastinate_jobs AS job
CROSS JOIN LATERAL (SELECT status = 'todo' AND coalesce(scheduled_at <= now(), true) AS due)
    AS is_due
LEFT JOIN LATERAL (SELECT min(at) AS at FROM procrastinate_events
    WHERE job_id = job.id AND type = 'deferred' AND due AND scheduled_at IS NULL)
    AS deferred ON true
WHERE job.status IN ('todo', 'doing')
"""
"""Plan: the partial index of waiting jobs, then for each due job its first event, by index. It
reads only waiting jobs, however many were done."""

FAILED = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'"
"""Plan: all jobs of the last three days; older ones are deleted."""

BEAT = "SELECT extract(epoch FROM max(last_heartbeat))::float FROM procrastinate_workers"
"""Plan: reads the table, a row for each job worker that runs."""

IS_ALIVE = """
SELECT max(last_heartbeat),
       coalesce(max(last_heartbeat) > statement_timestamp() - %s::interval, false)
FROM procrastinate_workers
"""
"""The worker writes the time of the database's clock, so it is compared with that clock."""

REPLICAS = """
SELECT coalesce(nullif(application_name, ''), 'unnamed'),
    max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn))::float
FROM pg_stat_replication WHERE state = 'streaming' AND replay_lsn IS NOT NULL GROUP BY 1
"""
"""Without `GRANT pg_monitor`, the server's role reads NULL here."""

REFUNDS = """
SELECT count(*), coalesce(extract(epoch FROM now() - min(since)), 0)::float FROM refund_due
"""
"""Plan: an index-only scan of refund_due_by_age. Refunds that were paid are not in the table."""

HOLDS = """
SELECT count(*) FILTER (WHERE expires_at > now()),
    greatest(coalesce(extract(epoch FROM now() - min(expires_at)), 0), 0)::float
FROM "order" WHERE status = 'pending'
"""
"""Plan: an index-only scan of order_expiry, which has pending orders alone."""
