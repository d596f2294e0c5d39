"""Loads the admin of every module: Django imports the module `admin` of each app."""

from django.contrib import admin
from procrastinate.contrib.django.models import ProcrastinateJob

from larder.staff.catalog import categories, products
from larder.staff.identity import admin as identity
from larder.staff.identity import audit_trail, keys
from larder.staff.inventory import adjustments, ledger
from larder.staff.orders import admin as orders

__all__ = [
    "adjustments",
    "audit_trail",
    "categories",
    "identity",
    "keys",
    "ledger",
    "orders",
    "products",
]

# Jobs are for operators only. Their arguments are private: mails, addresses, reset links.
admin.site.unregister(ProcrastinateJob)
