from __future__ import annotations

import json
import stat
import subprocess
import sys

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from registry.accounts import create_key, load_account, load_key
from registry.errors import AccountError

KEY = bytes(range(1, 33))


def test_no_import_of_ours_lets_nested_json_end_the_process():
    code = (
        "import importlib, pkgutil, sys\n"
        "limit = sys.getrecursionlimit()\n"
        "import registry\n"
        "for module in pkgutil.walk_packages(registry.__path__, 'registry.'):\n"
        "    if not module.name.endswith('__main__'):\n"
        "        importlib.import_module(module.name)\n"
        "        assert sys.getrecursionlimit() == limit, module.name\n"
        "assert 'py_ecc' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture
def password(tmp_path):
    file = tmp_path / "password"
    file.write_text("correct horse\n")
    return file


@pytest.fixture
def keystore(tmp_path):
    file = tmp_path / "keystore.json"
    file.write_text(json.dumps(Account.encrypt(KEY, "correct horse", iterations=2)))
    return file


def bare(folder, text, mode=0o600):
    file = folder / "key"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_a_key_that_others_can_read_is_refused(tmp_path):
    for mode in (0o640, 0o604, 0o644, 0o620):
        with pytest.raises(AccountError, match="can be read by others") as caught:
            load_account(bare(tmp_path, KEY.hex(), mode))
        assert "chmod 600" in caught.value.hint


@pytest.mark.parametrize("text", ["", "0x", "12" * 31, "12" * 33, "zz" * 32, "00" * 32, "ff" * 32])
def test_what_is_no_key_is_refused_and_not_repeated(tmp_path, text):
    with pytest.raises(AccountError) as caught:
        load_account(bare(tmp_path, text))
    assert len(text) < 10 or text not in str(caught.value)


def test_a_wrong_password_is_named(keystore, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.write_text("battery staple")
    with pytest.raises(AccountError, match="does not open"):
        load_account(keystore, password_file=wrong)


def test_a_keystore_needs_a_password_file(keystore, tmp_path):
    with pytest.raises(AccountError, match="needs a password"):
        load_account(keystore)
    with pytest.raises(AccountError, match="cannot be read"):
        load_account(keystore, password_file=tmp_path / "missing")


@pytest.mark.parametrize("text", ["{}", '{"version": 3}', '{"version": 1}', '{"crypto', '{"version":3,"crypto":{}}'])
def test_what_is_no_keystore_is_named(tmp_path, password, text):
    with pytest.raises(AccountError, match="not a version 3 keystore"):
        load_account(bare(tmp_path, text), password_file=password)


def test_missing_huge_and_binary_files_are_named(tmp_path):
    with pytest.raises(AccountError, match="cannot be read"):
        load_account(tmp_path / "missing")
    with pytest.raises(AccountError, match="larger than"):
        load_account(bare(tmp_path, "0" * 20_000))
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe" * 10)
    with pytest.raises(AccountError, match="not text"):
        load_account(binary)


def test_a_password_loses_only_its_line_break(keystore, password):
    assert load_key(keystore, password_file=password) == KEY
    password.write_text("correct horse\r\n")
    assert load_key(keystore, password_file=password) == KEY
    password.write_text("correct horse \n")
    with pytest.raises(AccountError, match="does not open"):
        load_key(keystore, password_file=password)


@given(st.integers(min_value=1, max_value=2**255))
def test_a_bare_key_gives_its_account(tmp_path_factory, number):
    key = number.to_bytes(32)
    file = bare(tmp_path_factory.mktemp("keys"), "0x" + key.hex() + "\n")
    assert load_account(file).address == Account.from_key(key).address
    assert load_key(file) == key


def test_a_new_key_is_for_its_owner_alone_and_never_overwritten(tmp_path, password):
    for given_password in (None, password):
        file = tmp_path / "keys" / f"new-{given_password is None}"
        made = create_key(file, password_file=given_password)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert load_account(file, password_file=given_password).address == made.address
        before = file.read_bytes()
        with pytest.raises(AccountError, match="never overwritten"):
            create_key(file)
        assert file.read_bytes() == before
