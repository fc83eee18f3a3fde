"""A task queue in a database table."""

from typing import Any


def enqueue(function: str, **arguments: Any) -> None:
    """Stores a call of `function`, given as `module.name`."""
    from sample_tasks.models import Task

    Task.objects.create(function=function, arguments=arguments)


def run_pending() -> int:
    """Runs every waiting task once, and tells the channel `tasks` about each."""
    from django.db import transaction
    from django.utils.module_loading import import_string

    # sample_channels imports this package: at the top of the file this would be a cycle.
    from sample_channels import publish

    from sample_tasks.models import Task

    done = 0
    while True:
        with transaction.atomic():
            waiting = Task.objects.select_for_update(skip_locked=True).order_by("pk")
            task = waiting.filter(done=False).first()
            if task is None:
                return done
            import_string(task.function)(**task.arguments)
            task.done = True
            task.save(update_fields=["done"])
            publish("tasks", {"done": task.pk})
            done += 1
