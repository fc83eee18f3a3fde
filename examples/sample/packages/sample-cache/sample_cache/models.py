from django.db import models


class Entry(models.Model):
    key = models.CharField(max_length=250, primary_key=True)
    value = models.JSONField()
    expires = models.DateTimeField(null=True, db_index=True)
