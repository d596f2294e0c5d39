from django.apps import AppConfig


class CompatConfig(AppConfig):
    name = "larder.compat"
    label = "compat"
