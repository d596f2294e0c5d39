from django.apps import AppConfig


class OpsConfig(AppConfig):
    name = "larder.ops"
    label = "ops"

    def ready(self) -> None:
        from django.conf import settings

        from larder.identity import factors, hashers
        from larder.identity.services import attempts, quotas
        from larder.ops import checks  # noqa: F401  registers the system checks
        from larder.ops.telemetry import start_reporting

        start_reporting()
        hashers.use(threads=settings.THREADS)
        factors.use(demanded=settings.STAFF_SECOND_FACTOR)
        is_wide, orders = settings.RATE_LIMITS == "wide", settings.QUOTA_ORDERS
        limits = attempts.WIDE if is_wide else attempts.NORMAL
        attempts.use(attempts.Setup(limits, settings.SECRET_KEY))
        others = {} if is_wide else quotas.NORMAL
        quotas.use({**others, "orders": orders and attempts.Rate(*orders)})
