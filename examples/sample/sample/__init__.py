"""The sample application."""

VERSION = "2026.1.0"
