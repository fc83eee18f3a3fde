"""A Django cache that lives in a database table."""
