from django.db import models


class Message(models.Model):
    channel = models.CharField(max_length=100, db_index=True)
    payload = models.JSONField()
    created = models.DateTimeField(auto_now_add=True)
