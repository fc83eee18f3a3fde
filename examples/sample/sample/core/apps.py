from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "sample.core"
    label = "sample_core"
