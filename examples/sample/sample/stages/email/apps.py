from django.apps import AppConfig


class EmailStageConfig(AppConfig):
    name = "sample.stages.email"
    label = "sample_stages_email"
