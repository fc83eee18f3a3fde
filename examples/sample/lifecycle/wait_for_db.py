"""Waits until PostgreSQL answers."""

import sys
from time import sleep

from psycopg import Connection, OperationalError, connect

from sample.lib.config import CONFIG

ATTEMPTS_MAX = 30


def wait_for_db() -> Connection:
    """Returns the first connection that works, and gives up after half a minute."""
    for _ in range(ATTEMPTS_MAX):
        try:
            return connect(
                host=CONFIG.get("postgresql.host"),
                port=CONFIG.get_int("postgresql.port"),
                dbname=CONFIG.get("postgresql.name"),
                user=CONFIG.get("postgresql.user"),
                password=CONFIG.get("postgresql.password"),
                autocommit=True,
            )
        except OperationalError as error:
            print(f"PostgreSQL does not answer yet: {error}", file=sys.stderr)
            sleep(1)
    sys.exit("PostgreSQL never answered")


if __name__ == "__main__":
    wait_for_db().close()
