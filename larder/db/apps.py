from django.apps import AppConfig


class DbConfig(AppConfig):
    name = "larder.db"
    label = "common"
