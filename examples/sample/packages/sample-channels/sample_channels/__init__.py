"""Messages between processes, kept in a database table."""

from typing import Any


def publish(channel: str, payload: dict[str, Any]) -> None:
    """Stores a message and wakes whoever listens."""
    from django.db import connection

    from sample_channels.models import Message

    message = Message.objects.create(channel=channel, payload=payload)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", (channel, str(message.pk)))


def publish_later(channel: str, payload: dict[str, Any]) -> None:
    """Lets a worker publish."""
    # sample_tasks imports this package: at the top of the file this would be a cycle.
    from sample_tasks import enqueue

    enqueue("sample_channels.publish", channel=channel, payload=payload)
