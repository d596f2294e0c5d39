"""Loads the admin of every module: Django imports the module `admin` of each app."""

from django.contrib import admin

import larder.staff.catalog.products
import larder.staff.identity.admin
import larder.staff.identity.audit_trail
import larder.staff.identity.keys
import larder.staff.identity.roles
import larder.staff.inventory.adjustments
import larder.staff.orders.admin
import larder.staff.webhooks  # noqa: F401

# It would bypass the services.
admin.site.disable_action("delete_selected")
