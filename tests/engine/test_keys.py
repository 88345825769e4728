import re

import pytest

from carpus.engine.keys import find_run, list_runs, new_key
from carpus.errors import ConfigError


def test_a_new_key_has_nine_hex_digits_and_never_reads_as_a_number(tmp_path):
    for _ in range(2000):
        key = new_key(tmp_path)
        assert re.fullmatch(r"[0-9a-f]{9}", key)
        with pytest.raises(ValueError, match="could not convert"):
            float(key)


@pytest.fixture
def logs(tmp_path):
    for name in ("2e8c5136b", "2e8c99999", "77d100aab", "sweeps", "not-a-key"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_only_run_folders_are_listed(logs):
    assert {f.name for f in list_runs(logs)} == {"2e8c5136b", "2e8c99999", "77d100aab"}


def test_a_unique_prefix_is_enough(logs):
    assert find_run("77d1", logs).name == "77d100aab"
    assert find_run("2e8c5136b", logs).name == "2e8c5136b"


@pytest.mark.parametrize(
    ("prefix", "message"),
    [("77d", "too short"), ("2e8c", "not unique"), ("aaaa1", "no run 'aaaa1'.*the latest are")],
)
def test_a_bad_prefix_is_explained(logs, prefix, message):
    with pytest.raises(ConfigError, match=message):
        find_run(prefix, logs)
