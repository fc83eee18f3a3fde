from django.conf import settings
from django.db import models


class ObjectPermission(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    permission = models.ForeignKey("auth.Permission", on_delete=models.CASCADE)
    object_id = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "permission", "object_id"], name="one_permission_per_object"
            )
        ]
