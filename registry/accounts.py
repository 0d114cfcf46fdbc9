"""Keys from files: never from the command line or the environment, where others could read them."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from typing import TYPE_CHECKING, Any

from registry.errors import AccountError

if TYPE_CHECKING:
    from pathlib import Path

    from eth_account.signers.local import LocalAccount

#: Largest key file that is read, in bytes.
MAXIMUM_SIZE = 16 * 1024
PRIVATE = 0o600


def _account_class() -> Any:
    """`eth_account.Account`, without what comes along with it.

    py_ecc, which is imported then, allows a recursion depth of 100,000. That is more than the C stack holds: with it,
    deeply nested JSON from a stranger is no RecursionError but the end of the process.
    """
    limit = sys.getrecursionlimit()
    try:
        from eth_account import Account  # noqa: PLC0415 - the limit has to be read before
    finally:
        sys.setrecursionlimit(limit)
    return Account


Account = _account_class()


def load_account(key_file: Path, *, password_file: Path | None = None) -> LocalAccount:
    """The account in a key file.

    Args:
        key_file: a version 3 keystore (JSON), or 64 hexadecimal digits in a file that only its owner can read.
        password_file: holds the keystore's password; a trailing line break is not part of it.

    Raises:
        AccountError: when a file is missing, readable by others, or not what it should be, or the password is wrong.
    """
    account: LocalAccount = Account.from_key(load_key(key_file, password_file=password_file))
    return account


def load_key(key_file: Path, *, password_file: Path | None = None) -> bytes:
    """The 32 secret bytes in a key file, as `load_account` reads it; a VRF key is kept in the same forms.

    Raises:
        AccountError: as for `load_account`.
    """
    text = _read(key_file).strip()
    if text.startswith("{"):
        return _decrypt(text, key_file, password_file)
    mode = stat.S_IMODE(key_file.stat().st_mode)
    if mode & 0o077:
        raise AccountError(
            f"{key_file} holds a bare key and can be read by others (mode {mode:o})", hint=f"Run: chmod 600 {key_file}"
        )
    if re.fullmatch(r"(0x)?[0-9a-fA-F]{64}", text) is None:
        raise AccountError(
            f"{key_file} is neither a keystore nor a key of 64 hexadecimal digits",
            hint="Make one with `aivm validator init`.",
        )
    return _checked(bytes.fromhex(text.removeprefix("0x")), key_file)


def create_key(key_file: Path, *, password_file: Path | None = None) -> LocalAccount:
    """Makes a new key and writes it, for its owner's eyes only: as a keystore if there is a password, else bare.

    Raises:
        AccountError: when the file exists already, or cannot be written.
    """
    account: LocalAccount = Account.create()
    if password_file is None:
        text = "0x" + bytes(account.key).hex() + "\n"
    else:
        text = json.dumps(Account.encrypt(account.key, _password(password_file)), indent=2) + "\n"
    try:
        key_file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    except FileExistsError as error:
        raise AccountError(
            f"{key_file} exists already; a key is never overwritten", hint="Name another file."
        ) from error
    except OSError as error:
        raise AccountError(f"{key_file} cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return account


def _decrypt(text: str, key_file: Path, password_file: Path | None) -> bytes:
    if password_file is None:
        raise AccountError(f"{key_file} is a keystore and needs a password", hint="Give a password file.")
    try:
        key = bytes(Account.decrypt(text, _password(password_file)))
    except (ValueError, KeyError, TypeError, NotImplementedError) as error:
        if "MAC mismatch" in str(error):
            raise AccountError(f"the password in {password_file} does not open {key_file}") from error
        raise AccountError(f"{key_file} is not a version 3 keystore: {error}") from error
    return _checked(key, key_file)


def _checked(key: bytes, key_file: Path) -> bytes:
    try:
        Account.from_key(key)
    except Exception as error:  # the backends do not agree on the class
        raise AccountError(f"{key_file} does not hold a secp256k1 key: it is zero or too large") from error
    return key


def _password(file: Path) -> str:
    return _read(file).removesuffix("\n").removesuffix("\r")


def _read(file: Path) -> str:
    try:
        if file.stat().st_size > MAXIMUM_SIZE:
            raise AccountError(f"{file} is larger than {MAXIMUM_SIZE} bytes and no key or password file")
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise AccountError(f"{file} cannot be read: {reason}") from error
