"""Releases of ONNX Runtime: from an index into the cache, each known by its wheel's digest, and named errors.

The index is a folder with a wheel that pip finds (PIP_FIND_LINKS), so that nothing is downloaded.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import zipfile

import pytest
from subjects import DIGITS, ON_ORT

from aivm.determinism import Absence, Choice, Wishes
from aivm.determinism.axes.releases import (
    IndexUnreachableError,
    NoSuchReleaseError,
    Release,
    ReleaseError,
    WheelDigestError,
    explore,
    fetch,
)

VERSION = "0.0.7"


def write_wheel(folder):
    """A wheel of one module: its name and its SHA-256."""
    info = f"onnxruntime-{VERSION}.dist-info"
    files = {
        "onnxruntime/__init__.py": f'__version__ = "{VERSION}"\n',
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: onnxruntime\nVersion: {VERSION}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    hashes = {name: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()) for name, text in files.items()}
    record = "".join(
        f"{name},sha256={digest.decode().rstrip('=')},{len(files[name])}\n" for name, digest in hashes.items()
    )
    path = folder / f"onnxruntime-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(name, text)
    return path.name, hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def index(tmp_path, monkeypatch):
    """An index with one release, and no other."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name, value in {"CONFIG_FILE": "/dev/null", "NO_INDEX": "1", "FIND_LINKS": str(folder)}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    return folder


@pytest.fixture
def offline(monkeypatch):
    """An index that nobody serves."""
    for name, value in {
        "CONFIG_FILE": "/dev/null",
        "INDEX_URL": "http://127.0.0.1:9/simple",
        "EXTRA_INDEX_URL": "",
        "FIND_LINKS": "",
        "RETRIES": "0",
    }.items():
        monkeypatch.setenv(f"PIP_{name}", value)


def test_a_release_is_fetched_once_and_its_wheel_is_recorded(index, tmp_path):
    name, digest = write_wheel(index)
    folder = fetch(Release(version=VERSION), tmp_path / "cache")
    assert (folder / "onnxruntime" / "__init__.py").is_file()
    assert json.loads((folder / "wheel.json").read_text()) == {"wheel": name, "sha256": digest}
    shutil.rmtree(index)
    assert fetch(Release(version=VERSION, sha256=digest), tmp_path / "cache") == folder
    assert sorted(path.name for path in folder.parent.iterdir()) == [VERSION]


def test_a_wheel_of_another_digest_is_refused_and_not_unpacked(index, tmp_path):
    _, digest = write_wheel(index)
    other = "0" * 64
    with pytest.raises(WheelDigestError, match=f"{digest}, not {other}"):
        fetch(Release(version=VERSION, sha256=other), tmp_path / "cache")
    assert not (tmp_path / "cache" / "onnxruntime" / VERSION).exists()
    fetch(Release(version=VERSION, sha256=digest), tmp_path / "cache")
    with pytest.raises(WheelDigestError, match="the cache has"):
        fetch(Release(version=VERSION, sha256=other), tmp_path / "cache")


def test_a_release_that_the_index_does_not_have_is_named(index, tmp_path):
    write_wheel(index)
    with pytest.raises(NoSuchReleaseError, match="no ONNX Runtime 9\\.9\\.9 for this interpreter"):
        fetch(Release(version="9.9.9"), tmp_path / "cache")


@pytest.mark.usefixtures("offline")
def test_offline_is_told_from_a_release_that_is_not_there(tmp_path):
    with pytest.raises(IndexUnreachableError, match="gives no list of releases"):
        fetch(Release(version="1.30.0"), tmp_path / "cache")
    assert list((tmp_path / "cache" / "onnxruntime").iterdir()) == []


def test_a_folder_that_does_not_say_where_it_came_from_is_refused(tmp_path):
    (tmp_path / "onnxruntime" / VERSION).mkdir(parents=True)
    with pytest.raises(ReleaseError, match="does not say which wheel"):
        fetch(Release(version=VERSION), tmp_path)


@pytest.mark.parametrize(
    "text", ["", "latest", "1", "1.30.0 ", "../1.30.0", "1.20;x", "-r x", "1.30.0@sha256:12", "1.30.0@md5:" + "0" * 64]
)
def test_what_is_no_release_is_refused(text):
    with pytest.raises(ReleaseError, match="is no release"):
        Release.parse(text)


def test_the_axis_offers_what_there_is_and_says_why_not_the_rest(index, tmp_path):
    _, digest = write_wheel(index)
    wishes = Wishes(cache=tmp_path / "cache", ort_versions=(f"{VERSION}@sha256:{digest}", "9.9.9", "latest"))
    there, unknown, malformed = explore(ON_ORT, wishes)
    assert isinstance(there, Choice)
    assert (there.name, there.setting.runtime) == (f"release={VERSION}", {"version": VERSION})
    assert [type(item) for item in (unknown, malformed)] == [Absence, Absence]
    assert "9.9.9" in unknown.reason
    assert unknown.remedy


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("subject", [ON_ORT, DIGITS])
def test_nothing_is_fetched_that_was_not_asked_for(subject, tmp_path):
    (absence,) = explore(subject, Wishes(cache=tmp_path))
    assert isinstance(absence, Absence)
    assert list(tmp_path.iterdir()) == []
