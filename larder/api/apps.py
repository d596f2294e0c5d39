from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "larder.api"
    label = "api"

    def ready(self) -> None:
        from larder.api import checks  # noqa: F401
