"""Starts deploy/patroni as machines in network namespaces, and breaks them under load.

    python -m tools.cluster --rounds 20 --seed 7

Three database nodes (etcd, Patroni, PostgreSQL) and two machines with HAProxy, PgBouncer and a
server run with the files of deploy/patroni as they are. The primary is killed, frozen, cut off,
filled up and switched over. At the end all answers are compared with the database. Linux and root.
"""
