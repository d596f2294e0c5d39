"""The admin as a Django app: its templates, its catalogue and its site."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class StaffConfig(AppConfig):
    default = True
    name = "larder.staff"
    label = "staff"


class ShopAdminConfig(admin_apps.AdminConfig):
    """Django's admin with the site of the shop."""

    default = False
    default_site = "larder.staff.site.Site"
