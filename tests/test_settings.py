"""The environment is read once; what cannot be used stops the start with a sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from polaris_demo.settings import HELP, Settings, SettingsError, read_settings

ROOT = Path(__file__).parent.parent


def test_nothing_set_gives_the_defaults() -> None:
    assert read_settings({"HOME": "x"}) == Settings(data_dir=Path.home() / ".local/share/polaris_demo")
    assert read_settings({"POLARIS_DATA_DIR": ""}).data_dir is None


def test_what_is_set_is_read() -> None:
    env = {
        "POLARIS_DATA_DIR": "/data",
        "POLARIS_MODEL": "preview",
        "POLARIS_PRECISION": "4bit",
        "POLARIS_MAX_WORDS": "4000",
        "HF_TOKEN": "t",
    }
    assert read_settings(env) == Settings("preview", precision="4bit", max_words=4000, data_dir=Path("/data"), hf_token="t")


@pytest.mark.parametrize(
    ("name", "value"),
    [("POLARIS_PRECISION", "int8"), ("POLARIS_MAX_WORDS", "49"), ("POLARIS_MAX_WORDS", "many"), ("POLARIS_QUEUE_SIZE", "0"),
     ("POLARIS_UNFOLLOWED_SECONDS", "-5"), ("POLARIS_MAX_WORDS", "1e3")],
)  # fmt: skip
def test_a_bad_value_is_named_with_what_it_takes(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=rf"{name} is '{value}'; it takes"):
        read_settings({name: value})


def test_a_backup_makes_a_spaces_stories_last() -> None:
    space = {"SPACE_ID": "someone/stories"}
    assert not read_settings(space).data_lasts and read_settings(space | {"POLARIS_BACKUP_DIR": " "}).backup_dir is None
    backed_up = read_settings(space | {"POLARIS_BACKUP_DIR": "~/bucket"})
    assert backed_up.data_lasts and backed_up.backup_dir == Path.home() / "bucket"


def test_the_hosts_key_cannot_be_guessed_and_no_secret_is_shown() -> None:
    with pytest.raises(SettingsError, match="POLARIS_ADMIN_KEY has 5 characters; it takes at least 16") as refused:
        read_settings({"POLARIS_ADMIN_KEY": "1234x"})
    assert "1234x" not in str(refused.value)
    assert read_settings({"POLARIS_ADMIN_KEY": ""}).admin_key == ""
    settings = read_settings({"POLARIS_ADMIN_KEY": "a long enough secret", "HF_TOKEN": "hf_secret"})
    assert settings.admin_key == "a long enough secret" and "secret" not in repr(settings)


def test_help_names_every_variable_and_starts_nothing() -> None:
    shown = subprocess.run([sys.executable, "app.py", "--help"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True).stdout
    assert all(name in shown for name in HELP)


def test_a_bad_value_ends_the_program_with_the_sentence() -> None:
    env = os.environ | {"POLARIS_PRECISION": "int8"}
    run = subprocess.run([sys.executable, "app.py"], cwd=ROOT, capture_output=True, text=True, timeout=120, env=env, check=False)
    assert run.returncode == 1
    assert "POLARIS_PRECISION is 'int8'" in run.stderr and "Traceback" not in run.stderr
