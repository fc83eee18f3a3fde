"""Permissions on single objects."""
