"""The admin as a Django app: its templates, its catalogue and its site."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class StaffConfig(AppConfig):
    default = True
    name = "larder.staff"
    label = "staff"

    def ready(self) -> None:
        """Runs after the admin has found the screens of all apps."""
        from larder.staff.model_names import translate_names

        translate_names()


class ShopAdminConfig(admin_apps.AdminConfig):
    """Django's admin with the site of the shop."""

    default = False
    default_site = "larder.staff.site.Site"
