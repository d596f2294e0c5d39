from django.apps import AppConfig


class InventoryConfig(AppConfig):
    name = "larder.inventory"
    label = "inventory"
    verbose_name = "Stock"
