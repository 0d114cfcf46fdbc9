from __future__ import annotations

import os
import subprocess

import pytest

from registry.chain import anvil_binary
from registry.chain.anvil_binary import VERSION, find_anvil, package_name
from registry.errors import AnvilNotFoundError


@pytest.fixture
def bare_machine(monkeypatch, tmp_path):
    """A machine without anvil: no variable, an empty PATH, an empty cache, no checkout."""
    monkeypatch.delenv("AIVM_ANVIL", raising=False)
    monkeypatch.setenv("AIVM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(anvil_binary, "__file__", str(tmp_path / "site-packages" / "registry" / "anvil_binary.py"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bin").mkdir()
    return tmp_path


def program(path, body):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def pinned(path):
    return program(path, f"echo anvil Version: {VERSION}")


@pytest.mark.usefixtures("bare_machine")
def test_without_anvil_and_without_npm_the_error_says_what_to_do():
    with pytest.raises(AnvilNotFoundError, match="npm") as caught:
        find_anvil()
    assert "AIVM_ANVIL" in caught.value.hint


def test_the_variable_wins_and_must_name_a_program(bare_machine, monkeypatch):
    pinned(bare_machine / "bin" / "anvil")
    chosen = program(bare_machine / "mine", "echo anvil Version: 9.9.9")
    monkeypatch.setenv("AIVM_ANVIL", str(chosen))
    assert find_anvil() == chosen
    monkeypatch.setenv("AIVM_ANVIL", str(bare_machine / "nothing"))
    with pytest.raises(AnvilNotFoundError, match="is no program"):
        find_anvil()


def test_one_on_the_path_is_taken_only_in_the_pinned_version(bare_machine):
    program(bare_machine / "bin" / "anvil", "echo anvil Version: 0.2.0")
    with pytest.raises(AnvilNotFoundError):
        find_anvil(install=False)
    right = pinned(bare_machine / "bin" / "anvil")
    assert find_anvil(install=False) == right


def test_a_checkout_comes_before_the_cache(bare_machine):
    cached = pinned(bare_machine / "cache" / f"anvil-{VERSION}" / "anvil")
    assert find_anvil() == cached
    checkout = pinned(bare_machine / "node_modules" / package_name() / "bin" / "anvil")
    assert find_anvil() == checkout


def test_npm_fetches_the_pinned_package_into_the_cache_once(bare_machine):
    # An npm that does what npm does: puts the package under the prefix, runs none of its scripts.
    target = f"node_modules/{package_name()}/bin"
    program(
        bare_machine / "bin" / "npm",
        f'''[ "$1 $2" = "install --prefix" ] && [ "$4" = --ignore-scripts ] || exit 9
PATH=/usr/bin:/bin; echo "$*" >> calls; mkdir -p "$3/{target}"
printf '#!/bin/sh\\necho anvil Version: {VERSION}\\n' > "$3/{target}/anvil"''',
    )
    found = find_anvil()
    assert found == bare_machine / "cache" / f"anvil-{VERSION}" / "anvil"
    assert os.access(found, os.X_OK)
    assert VERSION in subprocess.run([found], capture_output=True, text=True, check=True).stdout
    assert find_anvil() == found
    calls = (bare_machine / "calls").read_text().splitlines()
    assert len(calls) == 1
    assert calls[0].endswith(f"{package_name()}@{VERSION}")
    assert [entry.name for entry in found.parent.iterdir()] == ["anvil"], "nothing is left beside it"


def test_a_failing_npm_leaves_nothing_and_is_quoted(bare_machine):
    program(bare_machine / "bin" / "npm", "echo 'registry unreachable' >&2; exit 1")
    with pytest.raises(AnvilNotFoundError, match="registry unreachable"):
        find_anvil()
    assert list((bare_machine / "cache" / f"anvil-{VERSION}").iterdir()) == []


@pytest.mark.parametrize(
    ("system", "machine", "want"),
    [
        ("linux", "x86_64", "@foundry-rs/anvil-linux-amd64"),
        ("linux", "aarch64", "@foundry-rs/anvil-linux-arm64"),
        ("darwin", "arm64", "@foundry-rs/anvil-darwin-arm64"),
    ],
)
def test_each_platform_has_its_package(system, machine, want):
    assert package_name(system, machine) == want


@pytest.mark.parametrize(("system", "machine"), [("win32", "AMD64"), ("linux", "riscv64")])
def test_a_platform_without_a_package_is_named(system, machine):
    with pytest.raises(AnvilNotFoundError, match=machine):
        package_name(system, machine)
