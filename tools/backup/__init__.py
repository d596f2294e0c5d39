"""Backups of Larder's database, and restores that are proved before anything is replaced.

    python -m tools.backup make [FILE]
    python -m tools.backup restore FILE
    python -m tools.backup prove FILE

The database is that of OWNER_DATABASE_URL, or of DATABASE_URL where the owner has none.
"""
