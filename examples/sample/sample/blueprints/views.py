from django.http import HttpRequest, JsonResponse

from sample.blueprints.discovery import discover
from sample.blueprints.models import AppliedBlueprint


def blueprints(request: HttpRequest) -> JsonResponse:
    applied = dict(AppliedBlueprint.objects.values_list("path", "sha256"))
    found = [
        {"path": each.path, "name": each.name, "applied": applied.get(each.path) == each.sha256}
        for each in discover()
    ]
    return JsonResponse({"blueprints": found})
