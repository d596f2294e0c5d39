from django.apps import AppConfig


class HttpConfig(AppConfig):
    name = "larder.http"
    label = "api"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in, user_logged_out

        from larder.http import admin_session

        user_logged_in.connect(admin_session.begin)
        user_logged_out.connect(admin_session.end)
