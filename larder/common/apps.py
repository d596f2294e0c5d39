from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "larder.common"
    label = "common"
