from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "larder.common"
    label = "common"

    def ready(self) -> None:
        from larder.common import database

        database.load_timestamps_fast()
