from django.core.management.base import BaseCommand

from sample_tasks import run_pending


class Command(BaseCommand):
    help = "Run the tasks that wait in the queue, then stop"

    def handle(self, *args, **options):
        self.stdout.write(f"ran {run_pending()} tasks")
