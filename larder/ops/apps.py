from django.apps import AppConfig


class OpsConfig(AppConfig):
    name = "larder.ops"
    label = "ops"

    def ready(self) -> None:
        from larder.ops import checks  # noqa: F401  registers the system checks
