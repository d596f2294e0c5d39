from django.apps import AppConfig


class OpsConfig(AppConfig):
    name = "larder.ops"
    label = "ops"

    def ready(self) -> None:
        from django.conf import settings

        from larder.common import telemetry
        from larder.identity import hashers
        from larder.ops import checks  # noqa: F401  registers the system checks
        from larder.ops.metrics import PlacingCounted

        telemetry.placing.watch(PlacingCounted())
        hashers.let_wait(settings.THREADS)
