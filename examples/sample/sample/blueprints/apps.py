from django.apps import AppConfig


class BlueprintsConfig(AppConfig):
    name = "sample.blueprints"
    label = "sample_blueprints"
