from django.apps import AppConfig


class HttpConfig(AppConfig):
    name = "larder.http"
    label = "api"
