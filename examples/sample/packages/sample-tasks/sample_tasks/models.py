from django.db import models


class Task(models.Model):
    function = models.TextField()
    arguments = models.JSONField()
    done = models.BooleanField(default=False, db_index=True)
    created = models.DateTimeField(auto_now_add=True)
