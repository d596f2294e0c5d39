"""Loads the admin of every module: Django imports the module `admin` of each app."""

from larder.staff import audit_trail, catalog, identity, inventory, keys, orders, site

__all__ = ["audit_trail", "catalog", "identity", "inventory", "keys", "orders", "site"]
