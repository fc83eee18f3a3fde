from django.core.management.base import BaseCommand

from sample.blueprints.discovery import discover


class Command(BaseCommand):
    help = "List all blueprints"

    def handle(self, *args, **options):
        for blueprint in discover():
            self.stdout.write(f"{blueprint.path}: {blueprint.name}")
