"""The libraries that a process has loaded: found by name, and described by what they say of themselves."""

from __future__ import annotations

import ctypes
import shutil
import subprocess

import pytest

from aivm.environment.loaded import loaded_libraries

#: Stand for NVIDIA's libraries, which need a card and half a gigabyte: the functions by which those tell their version.
SOURCES = {
    "libcublas.so.12": "int cublasGetProperty(int which, int *value) { *value = 12 + which; return 0; }",
    "libcurand.so.10": "int curandGetProperty(int which, int *value) { return 1; }",
    "libcudnn.so.9": "#include <stddef.h>\nsize_t cudnnGetVersion(void) { return 90701; }",
    "libcudart.so.12": "int cudaRuntimeGetVersion(int *value) { *value = 12080; return 0; }",
    "libopenblas.so.0": 'char *openblas_get_config(void) { return "OpenBLAS 0.3.99 DYNAMIC_ARCH"; }\n'
    'char *openblas_get_corename(void) { return "Haswell"; }',
    "libgomp-24e2ab19.so.1.0.0": "int gomp;",
    "libgompertz.so.1": "int distribution;",
}


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    """A list of what is loaded, as /proc has it; the libraries are loaded too."""
    folder = tmp_path_factory.mktemp("libraries")
    compiler = shutil.which("cc")
    assert compiler is not None, "a C compiler is needed, as for the core"
    lines = []
    for number, (name, source) in enumerate(SOURCES.items()):
        (folder / "source.c").write_text(source)
        command = [compiler, "-shared", "-fPIC", "-o", str(folder / name), str(folder / "source.c")]
        subprocess.run(command, check=True)
        ctypes.CDLL(str(folder / name))
        lines += [f"7f{number:010x}-7f{number:09x}f r-xp 00000000 fe:00 17  {folder / name}"] * 3
    path = folder / "maps"
    path.write_text("\n".join([*lines, "7fff0000-7fff1000 rw-p 00000000 00:00 0  [stack]"]))
    return path


def test_libraries_tell_their_versions_and_what_they_use(maps):
    found = {item.kind: (item.version, item.configuration, item.uses) for item in loaded_libraries(maps)}
    assert found == {
        "cublas": ("12.13.14", "", ()),
        "cudart": ("12080", "", ()),
        "cudnn": ("90701", "", ()),
        "curand": ("10", "", ()),  # it fails to tell: then the name's
        "openblas": ("0.3.99", "OpenBLAS 0.3.99 DYNAMIC_ARCH", ("Haswell",)),
        "openmp": ("1.0.0", "", ()),
    }


def test_the_order_of_addresses_does_not_matter(maps, tmp_path):
    turned = tmp_path / "maps"
    turned.write_text("\n".join(reversed(maps.read_text().split("\n"))))
    assert loaded_libraries(turned) == loaded_libraries(maps)


def test_a_system_that_lists_nothing_has_none(tmp_path):
    assert loaded_libraries(tmp_path / "maps") == ()
