from django.apps import AppConfig


class OpsConfig(AppConfig):
    name = "larder.ops"
    label = "ops"

    def ready(self) -> None:
        from django.conf import settings

        from larder.identity import factors, hashers
        from larder.identity.services import attempts, quotas
        from larder.ops import (
            checks,  # noqa: F401  registers the system checks
            quota_settings,
        )
        from larder.ops.telemetry import start_reporting

        start_reporting()
        hashers.use(threads=settings.THREADS, processes=settings.WORKERS)
        factors.use(demanded=settings.STAFF_SECOND_FACTOR)
        limits = attempts.WIDE if settings.RATE_LIMITS == "wide" else attempts.NORMAL
        attempts.use(attempts.Setup(limits, settings.SECRET_KEY))
        quotas.use(quota_settings.read())
