"""PostgreSQL's settings; they are given on the command line, so they always match this file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

COMMON = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    # pglz is all that these binaries have. It takes 50 µs for a page and a third off it: after a
    # checkpoint an order of three products costs 1.0 ms of CPU without it and 2.7 ms with it.
    "wal_compression": "off",
    # The queries are short: compiling them costs more than it saves.
    "jit": "off",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_checkpoints": "off",
    # No values: neither those of parameters, nor those of rows in DETAIL and CONTEXT.
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
}
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def arguments(socket: Path, *, durable: bool, extra: Mapping[str, str]) -> list[str]:
    """Return the `-c name=value` arguments of the server; `extra` wins."""
    values = {
        **COMMON,
        # A list: the quotes keep a space or a comma in the path.
        "unix_socket_directories": f'"{socket}"',
        **(DURABLE if durable else FAST),
        **extra,
    }
    return [part for name, value in values.items() for part in ("-c", f"{name}={value}")]
