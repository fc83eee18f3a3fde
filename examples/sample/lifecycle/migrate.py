"""Brings the database up to date: `python -m lifecycle.migrate`.

System migrations come first. They are plain Python files beside this one, found by their path,
so an installation that copies `lifecycle` must copy `system_migrations` too.
"""

import os
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from psycopg import Connection

from lifecycle.wait_for_db import wait_for_db

# Two processes that start together must not migrate at the same time.
ADVISORY_LOCK = 2026


def migrate_system(connection: Connection) -> int:
    applied = 0
    for path in sorted((Path(__file__).parent / "system_migrations").glob("[0-9]*.py")):
        spec = spec_from_file_location(f"lifecycle.system_migrations.{path.stem}", path)
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        if module.needed(connection):
            module.run(connection)
            applied += 1
    return applied


def migrate_django() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sample.root.settings")
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    call_command("migrate", interactive=False)
    call_command("check", databases=["default"])
    connection.close()
    connection.close_pool()
    return len(pending)


def main() -> None:
    with wait_for_db() as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (ADVISORY_LOCK,))
        system = migrate_system(connection)
        print(f"applied {system} system migrations", flush=True)
        print(f"applied {migrate_django()} migrations", flush=True)


if __name__ == "__main__":
    main()
