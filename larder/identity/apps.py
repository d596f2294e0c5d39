from django.apps import AppConfig


class IdentityConfig(AppConfig):
    name = "larder.identity"
    label = "identity"
    verbose_name = "Customers"
