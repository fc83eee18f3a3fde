"""Gives every installation an identifier."""

from uuid import uuid4

from psycopg import Connection


def needed(connection: Connection) -> bool:
    return connection.execute("SELECT to_regclass('sample_install_id')").fetchone()[0] is None


def run(connection: Connection) -> None:
    with connection.transaction():
        connection.execute("CREATE TABLE sample_install_id (id uuid NOT NULL)")
        connection.execute("INSERT INTO sample_install_id VALUES (%s)", (uuid4(),))
