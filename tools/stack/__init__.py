"""The set of services of deploy/compose as processes, where no container engine runs.

It reads compose.yaml and the configuration files that it mounts, and starts what is there.
Only names of hosts and paths become others (places.py): a service has a separate loopback
address in place of a name, so that ports stay the same, and a separate folder in place of a file
system.
"""

from tools.stack.stack import Stack

__all__ = ["Stack"]
