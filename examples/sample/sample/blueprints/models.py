"""What was applied, and when."""

from django.db import models


class AppliedBlueprint(models.Model):
    path = models.TextField(unique=True)
    sha256 = models.CharField(max_length=64)
    applied = models.DateTimeField(auto_now=True)
