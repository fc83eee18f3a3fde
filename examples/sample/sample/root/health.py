"""Health: `live` says that the process answers, `ready` that it has all that it needs.

Every check raises if something is missing. Together they notice every path that an installation
outside of a source checkout must patch.
"""

from importlib import import_module
from pathlib import Path

import markupsafe
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import get_template

from sample.blueprints.discovery import discover
from sample.lib.config import CONFIG
from sample.stages.email.utils import logo_data


class NotReady(Exception):
    """Says what is missing."""


def check_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def check_migrations() -> None:
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if pending:
        raise NotReady(f"{len(pending)} migrations are not applied")


def check_cache() -> None:
    cache.set("ready", "yes", timeout=60)
    if cache.get("ready") != "yes":
        raise NotReady("the cache forgot a value")


def check_blueprints() -> None:
    if not discover():
        raise NotReady(f"no blueprint in {CONFIG.get('blueprints_dir')}")


def check_logo() -> None:
    if logo_data().get_content_subtype() != "png":
        raise NotReady("the e-mail logo is not a PNG")


def check_templates() -> None:
    template = get_template("email/welcome.html")
    directory = Path(CONFIG.get("email.template_dir"))
    if not Path(template.origin.name).is_relative_to(directory):
        raise NotReady(f"email/welcome.html is not from {directory}")


def check_assets() -> None:
    app = settings.STATIC_DIR / "dist" / "app.js"
    if not app.is_file():
        raise NotReady(f"no {app}")


def check_speedups() -> None:
    # markupsafe falls back to Python when its C extension was not built.
    if markupsafe._escape_inner.__module__ != "markupsafe._speedups":
        raise NotReady("markupsafe has no C speedups")


def check_imports() -> None:
    for name in ("bcrypt", "docopt", "psycopg_binary", "pyrad.dictionary", "yaml._yaml"):
        import_module(name)


CHECKS = {
    "database": check_database,
    "migrations": check_migrations,
    "cache": check_cache,
    "blueprints": check_blueprints,
    "logo": check_logo,
    "templates": check_templates,
    "assets": check_assets,
    "speedups": check_speedups,
    "imports": check_imports,
}


def live(request: HttpRequest) -> HttpResponse:
    return HttpResponse("live\n", content_type="text/plain")


def ready(request: HttpRequest) -> JsonResponse:
    missing = {}
    for name, check in CHECKS.items():
        try:
            check()
        # Whatever a check stumbles over, the answer must be 503 with its reason, never 500.
        except Exception as error:
            missing[name] = f"{type(error).__name__}: {error}"
    return JsonResponse({"ready": not missing, "missing": missing}, status=503 if missing else 200)
