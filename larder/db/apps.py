from django.apps import AppConfig


class DbConfig(AppConfig):
    name = "larder.db"
    label = "common"

    def ready(self) -> None:
        from larder.db import database

        database.load_timestamps_fast()
