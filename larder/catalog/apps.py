from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "larder.catalog"
    label = "catalog"
    verbose_name = "Catalogue"
