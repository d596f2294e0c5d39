"""Loads the admin of every module: Django imports the module `admin` of each app."""

from larder.staff import catalog, identity, inventory, orders, site

__all__ = ["catalog", "identity", "inventory", "orders", "site"]
