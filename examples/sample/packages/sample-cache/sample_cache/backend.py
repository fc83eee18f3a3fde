"""The cache backend. Values must be JSON."""

from datetime import UTC, datetime

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db.models import Q


class TableCache(BaseCache):
    def __init__(self, location: str, params: dict):
        super().__init__(params)

    def _valid(self):
        from sample_cache.models import Entry

        return Entry.objects.filter(Q(expires=None) | Q(expires__gt=datetime.now(UTC)))

    def get(self, key, default=None, version=None):
        key = self.make_and_validate_key(key, version)
        value = self._valid().filter(key=key).values_list("value", flat=True).first()
        return default if value is None else value

    def set(self, key, value, timeout=DEFAULT_TIMEOUT, version=None):
        from sample_cache.models import Entry

        key = self.make_and_validate_key(key, version)
        seconds = self.get_backend_timeout(timeout)
        expires = None if seconds is None else datetime.fromtimestamp(seconds, UTC)
        Entry.objects.update_or_create(key=key, defaults={"value": value, "expires": expires})

    def add(self, key, value, timeout=DEFAULT_TIMEOUT, version=None):
        if self.get(key, version=version) is not None:
            return False
        self.set(key, value, timeout, version)
        return True

    def delete(self, key, version=None):
        from sample_cache.models import Entry

        key = self.make_and_validate_key(key, version)
        return Entry.objects.filter(key=key).delete()[0] > 0

    def clear(self):
        from sample_cache.models import Entry

        Entry.objects.all().delete()
