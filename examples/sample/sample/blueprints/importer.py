"""Applies a blueprint: makes or updates every object that it names."""

from django.apps import apps
from django.db import transaction

from sample.blueprints.discovery import Blueprint
from sample.blueprints.models import AppliedBlueprint


@transaction.atomic
def apply(blueprint: Blueprint) -> int:
    for entry in blueprint.entries:
        model = apps.get_model(entry["model"])
        model.objects.update_or_create(**entry["identifiers"], defaults=entry.get("attrs", {}))
    AppliedBlueprint.objects.update_or_create(
        path=blueprint.path, defaults={"sha256": blueprint.sha256}
    )
    return len(blueprint.entries)
