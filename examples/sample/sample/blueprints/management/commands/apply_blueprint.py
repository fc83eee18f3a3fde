from django.core.management.base import BaseCommand

from sample.blueprints.discovery import load
from sample.blueprints.importer import apply


class Command(BaseCommand):
    help = "Apply blueprints, each given by its path below the blueprints directory"

    def add_arguments(self, parser):
        parser.add_argument("paths", nargs="+")

    def handle(self, *args, **options):
        for path in options["paths"]:
            self.stdout.write(f"{path}: {apply(load(path))} objects")
