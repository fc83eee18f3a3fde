"""The start page, and a status page for people and tests."""

from importlib.metadata import distributions
from mimetypes import guess_file_type
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils._os import safe_join
from markupsafe import Markup

from sample import VERSION
from sample.admin.files.backends.file import FileBackend
from sample.core.models import Team
from sample.lib.config import CONFIG

PAGE = Markup(
    '<!doctype html><title>Sample</title><link rel="stylesheet" href="/static/dist/app.css">'
    '<img src="/static/icons/logo.png" alt=""><ul>{}</ul><script src="/static/dist/app.js">'
    "</script>\n"
)
ITEM = Markup("<li>{}: {}</li>")


def index(request: HttpRequest) -> HttpResponse:
    teams = Team.objects.order_by("name")
    items = Markup("").join(ITEM.format(team.name, team.description) for team in teams)
    return HttpResponse(PAGE.format(items))


def asset(request: HttpRequest, path: str) -> HttpResponse:
    file = Path(safe_join(settings.STATIC_DIR, path))
    if not file.is_file():
        raise Http404(path)
    return HttpResponse(file.read_bytes(), content_type=guess_file_type(file)[0])


def status(request: HttpRequest) -> JsonResponse:
    installed = {found.metadata["Name"]: found.version for found in distributions()}
    storage = FileBackend("media")
    return JsonResponse(
        {
            "version": VERSION,
            "base_dir": str(settings.BASE_DIR),
            "blueprints_dir": CONFIG.get("blueprints_dir"),
            "cert_discovery_dir": CONFIG.get("cert_discovery_dir"),
            "template_dir": CONFIG.get("email.template_dir"),
            "storage": {"path": str(storage.base_path), "manageable": storage.manageable},
            "installed": dict(sorted(installed.items())),
        }
    )
