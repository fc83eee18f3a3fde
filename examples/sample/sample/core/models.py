"""Teams and their notes."""

from django.db import models


class Team(models.Model):
    name = models.SlugField(unique=True)
    description = models.TextField(blank=True, default="")


class Note(models.Model):
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="notes")
    text = models.TextField()
    pinned = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["team", "pinned"], name="note_team_pinned")]
