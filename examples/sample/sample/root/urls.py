"""Routes."""

from django.urls import path

from sample.blueprints.views import blueprints
from sample.core.views import asset, index, status
from sample.root.health import live, ready

urlpatterns = [
    path("", index),
    path("api/blueprints/", blueprints),
    path("api/status/", status),
    path("static/<path:path>", asset),
    path("-/health/live/", live),
    path("-/health/ready/", ready),
]
