from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "larder.api"
    label = "api"
