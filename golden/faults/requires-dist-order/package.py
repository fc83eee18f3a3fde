def make(wheel, fault):
    requires = {"attrs", "django", "lxml", "msgpack", "pydantic", "structlog", "urllib3", "zstd"}
    wheel.requires = list(requires) if fault else sorted(requires)
