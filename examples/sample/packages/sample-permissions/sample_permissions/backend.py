"""Asks the table of object permissions, through the cache."""

from django.core.cache import cache

SECONDS_CACHED = 60


class ObjectPermissionBackend:
    def authenticate(self, request, **credentials):
        return None

    def has_perm(self, user, permission, object=None) -> bool:
        if object is None or not user.is_active or user.pk is None:
            return False
        key = f"permission.{user.pk}.{permission}.{object.pk}"
        return cache.get_or_set(key, lambda: granted(user, permission, object), SECONDS_CACHED)


def granted(user, permission: str, object) -> bool:
    from sample_permissions.models import ObjectPermission

    app_label, _, codename = permission.partition(".")
    return ObjectPermission.objects.filter(
        user=user,
        permission__content_type__app_label=app_label,
        permission__codename=codename,
        object_id=str(object.pk),
    ).exists()
