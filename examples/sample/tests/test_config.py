"""pytest is in the `dev` group only: these tests never run in an installation."""

from pathlib import Path

from sample.lib.config import Config, from_environment


def test_environment_overrides_defaults():
    config = Config.load(environment={"SAMPLE_POSTGRESQL__PORT": "5433", "OTHER": "1"})
    assert config.get_int("postgresql.port") == 5433
    assert config.get("postgresql.host") == "localhost"


def test_names_nest_by_two_underscores():
    assert from_environment({"SAMPLE_A__B_C": "1"}) == {"a": {"b_c": "1"}}


def test_missing_value_is_the_default():
    assert Config.load(files=[Path("/nonexistent")], environment={}).get("a.b", "c") == "c"
