"""Kernels: scaffolding, packing with real executions, loading, and travelling as blocks."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import msgspec
import numpy as np
import onnxruntime
import pytest
from onnx import helper
from onnx_examples import constant, linear, model, value

from aivm import canonical, records, tensors
from aivm.cid import Cid, CidMismatchError
from aivm.digests import Digest
from aivm.environment import Environment, EnvironmentMismatchError
from aivm.errors import AivmError
from aivm.execution import InputError, execute
from aivm.kernel import KernelError, blocks, from_blocks, init, load, pack
from aivm.kernel.author import TEMPLATE, Author, OnnxRuntimeTable, read_author
from aivm.lint import ExternalDataError, HiddenRandomnessError, ManifestDisagreementError, TruncatedModelError
from aivm.manifest import ManifestError, NoOptions, Reproducible
from aivm.records import RecordError

ROOT = Path(__file__).parents[2]
TOML = """\
name = "linear"
version = "1.2.3"
licence = "Apache-2.0"
description = "a test"
model_card = "card.md"
[answer]
convention = "argmax"
output = "logits"
[limits]
memory_bytes = 1_000_000_000
[hardware]
memory_bytes = 0
[build]
compiler = "captured"
compiler_version = "captured"
[inputs.image]
minimum = 0
maximum = 16
description = "pixels"
"""


def image(seed):
    return {"image": np.random.default_rng(seed).integers(0, 17, (1, 64)).astype(np.float32)}


def author_folder(folder, *, toml=TOML, proto=None, cases=None):
    """A folder as an author leaves it, ready to be packed."""
    (folder / "cases").mkdir(parents=True)
    (folder / "kernel.toml").write_text(toml)
    (folder / "card.md").write_text("# Linear\n")
    (folder / "model.onnx").write_bytes((proto or linear()).SerializeToString())
    for name, inputs in (cases or {"first": image(1), "second": image(2)}).items():
        (folder / "cases" / f"{name}.safetensors").write_bytes(tensors.encode(inputs))
    return folder


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def packed_once(tmp_path_factory):
    folder = author_folder(tmp_path_factory.mktemp("kernels") / "linear")
    pack(folder)
    return folder


@pytest.fixture
def packed(packed_once, tmp_path):
    """A copy of a packed folder, to be spoilt."""
    return Path(shutil.copytree(packed_once, tmp_path / "linear"))


# ---- kernel.toml


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "name"),
        ("name = ", "not TOML"),
        ("name = 'a'\nname = 'b'", "not TOML"),
        (TOML.replace("argmax", "argmin"), "answer.convention"),
        (TOML.replace("maximum = 16", "maximum = 16.5"), "maximum"),
        (TOML.replace("memory_bytes = 0", "memory_bytes = -1"), "hardware.memory_bytes"),
        (TOML + "colour = 'red'\n", "colour"),
        (TOML + "[surprise]\n", "surprise"),
        (TOML + "[runtime]\nname = 'tensorflow'\n", "runtime.name"),
        # Too deep for some versions of Python, an unknown member for others.
        ("a = " + "[" * 5000 + "]" * 5000, "kernel.toml"),
        ("#" * (1 << 19), "at most"),
    ],
)
def test_a_bad_kernel_toml_is_refused_and_nothing_is_written(tmp_path, text, words):
    folder = author_folder(tmp_path / "k", toml=text)
    before = files_of(folder)
    with pytest.raises(KernelError, match=re.escape(words)):
        pack(folder)
    assert files_of(folder) == before


def test_a_kernel_toml_that_is_not_utf8_is_refused(tmp_path):
    folder = author_folder(tmp_path / "k")
    (folder / "kernel.toml").write_bytes(b'name = "\xff"')
    with pytest.raises(KernelError, match="UTF-8"):
        pack(folder)


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ('name = "linear"', 'name = "Linear"', "name"),
        ("1.2.3", "1.2", "kernel_version"),
        ("Apache-2.0", "no licence", "licence"),
        ('output = "logits"', 'output = "image"', "answer.output"),
        ('output = "logits"', "", "answer.output"),
        ("minimum = 0", "minimum = 20", "inputs[0].minimum"),
        ("memory_bytes = 1_000_000_000", "memory_bytes = 0", "limits.memory_bytes"),
        ('description = "a test"', 'author_fee = "1e18"', "author_fee"),
        ('description = "a test"', f'author_fee = "{2**96}"', "author_fee"),
    ],
)
def test_a_value_that_no_manifest_can_have_is_refused_and_nothing_is_written(tmp_path, old, new, path):
    assert old in TOML
    folder = author_folder(tmp_path / "k", toml=TOML.replace(old, new))
    before = files_of(folder)
    with pytest.raises(ManifestError) as caught:
        pack(folder)
    assert caught.value.path == path
    assert files_of(folder) == before


def test_a_table_for_a_tensor_that_the_graph_lacks_is_refused(tmp_path):
    folder = author_folder(tmp_path / "k", toml=TOML.replace("[inputs.image]", "[inputs.imgae]"))
    with pytest.raises(KernelError, match=r"\[inputs.imgae\]") as caught:
        pack(folder)
    assert "'image'" in caught.value.hint


# ---- init


def test_init_makes_a_folder_whose_author_has_little_left_to_do(tmp_path):
    path = init(tmp_path / "new" / "k", name="my-kernel")
    assert path.read_text() == TEMPLATE.replace("{name}", "my-kernel")
    assert (path.parent / "cases").is_dir()
    author = read_author(path.parent)
    assert author == Author(name="my-kernel", version="0.1.0", licence="Apache-2.0")


def test_the_template_shows_every_member_with_its_default():
    shown = tomllib.loads(re.sub(r"^# ?(?=[a-z_]+ = |\[)", "", TEMPLATE, flags=re.MULTILINE))
    for table in msgspec.structs.fields(Author):
        assert table.name in shown, table.name
        kind = type(getattr(Author(name="a", version="0", licence="x"), table.name))
        if issubclass(kind, msgspec.Struct):
            names = {field.name for field in msgspec.structs.fields(kind)} | ({"name"} & set(shown[table.name]))
            assert set(shown[table.name]) == names, table.name


def test_the_template_shows_the_other_engine_with_its_defaults():
    shown = tomllib.loads("\n".join(re.findall(r"^#    (.*)", TEMPLATE, flags=re.MULTILINE)))
    assert shown.pop("name") == "onnxruntime"
    assert {"name": "onnxruntime", **shown} == msgspec.to_builtins(OnnxRuntimeTable())


def test_init_leaves_a_kernel_that_is_there_alone(packed):
    before = files_of(packed)
    with pytest.raises(KernelError, match="already"):
        init(packed, name="linear")
    assert files_of(packed) == before


@pytest.mark.parametrize("name", ["", "Digits", "a_b", "../a", "-a", "a" * 65])
def test_init_refuses_a_name_that_no_kernel_can_have(tmp_path, name):
    with pytest.raises(KernelError, match="kernel name"):
        init(tmp_path / "k", name=name)
    assert not (tmp_path / "k").exists()


# ---- packing


def test_packing_derives_what_the_author_need_not_say(packed_once):
    manifest = load(packed_once).manifest
    data = (packed_once / "model.onnx").read_bytes()
    assert manifest.model.cid == str(Cid.of(0x55, data))
    assert manifest.model.size == len(data)
    assert manifest.model.opsets == {"ai.onnx": 21}
    assert manifest.model.operators == ("ai.onnx::Gemm", "ai.onnx::Relu")
    assert [(spec.name, spec.dtype, spec.shape, spec.minimum, spec.maximum) for spec in manifest.inputs] == [
        ("image", "F32", (1, 64), "0", "16")
    ]
    assert [(spec.name, spec.dtype, spec.shape) for spec in manifest.outputs] == [("logits", "F32", (1, 10))]
    assert [case.name for case in manifest.cases] == ["first", "second"]
    assert manifest.build.compiler in ("gcc", "clang")
    assert manifest.build.operating_system is None
    assert (packed_once / "manifest.json").read_bytes() == manifest.record()


def test_what_was_packed_is_what_an_execution_gives(packed_once):
    kernel = load(packed_once)
    for case in kernel.manifest.cases:
        execution = execute(kernel, kernel.cases[case.name])
        assert execution.digest.hex() == case.output
        assert execution.record == kernel.expected[case.name].record
        assert execution.tensors == kernel.expected[case.name].tensors


def test_packing_again_changes_no_byte(packed):
    before = files_of(packed)
    for path in packed.rglob("*"):
        os.utime(path, (0, 0))
    pack(packed)
    assert files_of(packed) == before


def test_the_identity_does_not_depend_on_order_locale_or_folder(packed_once, tmp_path):
    author, inputs = TOML.split("[inputs.image]")
    head, tables = author.split("[answer]", 1)
    sections = re.split(r"(?=^\[)", "[answer]" + tables + "[inputs.image]" + inputs, flags=re.MULTILINE)
    shuffled = "\n".join(sorted(head.splitlines(), reverse=True)) + "\n" + "".join(reversed(sections))
    folder = author_folder(tmp_path / "elsewhere", toml=shuffled, cases={"second": image(2), "first": image(1)})
    program = f"from pathlib import Path; from aivm.kernel import pack; pack(Path({str(folder)!r}))"
    environ = os.environ | {"PYTHONPATH": str(ROOT), "LC_ALL": "C", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", program], env=environ, check=True)
    assert (folder / "manifest.json").read_bytes() == (packed_once / "manifest.json").read_bytes()


def test_a_kernel_without_cases_is_refused(tmp_path):
    folder = author_folder(tmp_path / "k")
    shutil.rmtree(folder / "cases")
    with pytest.raises(KernelError, match="no conformance case"):
        pack(folder)


@pytest.mark.parametrize("name", ["First.safetensors", "a b.safetensors", "first.npz", ".hidden", "-a.safetensors"])
def test_a_stray_file_among_the_cases_is_refused(tmp_path, name):
    folder = author_folder(tmp_path / "k")
    (folder / "cases" / name).write_bytes(b"")
    with pytest.raises(KernelError, match="is no case"):
        pack(folder)


def test_a_case_that_is_no_tensor_file_is_refused_by_name(tmp_path):
    folder = author_folder(tmp_path / "k")
    (folder / "cases" / "third.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0 garbage")
    with pytest.raises(KernelError, match=r"cases/third\.safetensors"):
        pack(folder)


@pytest.mark.parametrize(
    "inputs",
    [
        {"image": np.zeros((1, 64), np.float64)},
        {"image": np.zeros((1, 63), np.float32)},
        {"image": np.full((1, 64), 17, np.float32)},
        {"picture": np.zeros((1, 64), np.float32)},
    ],
    ids=["dtype", "shape", "range", "name"],
)
def test_a_case_that_breaks_the_conventions_is_refused_and_nothing_is_written(tmp_path, inputs):
    folder = author_folder(tmp_path / "k", cases={"first": image(1), "odd": inputs})
    before = files_of(folder)
    with pytest.raises(InputError, match="case 'odd'"):
        pack(folder)
    assert files_of(folder) == before


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("../card.md", "leaves its folder"),
        ("/etc/hostname", "absolute"),
        ("link.md", "symbolic link"),
        ("linked/card.md", "symbolic link"),
        ("cases", "not a regular file"),
        ("nothing.md", "cannot be read"),
        ("pipe", "not a regular file"),
    ],
)
def test_a_path_trick_in_kernel_toml_is_refused(tmp_path, name, word):
    (tmp_path / "card.md").write_text("secret")
    folder = author_folder(tmp_path / "k", toml=TOML.replace("card.md", name))
    (folder / "link.md").symlink_to(tmp_path / "card.md")
    (folder / "linked").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    with pytest.raises(KernelError, match=word):
        pack(folder)


def test_a_model_that_is_a_symbolic_link_is_refused(tmp_path):
    folder = author_folder(tmp_path / "k")
    (folder / "model.onnx").rename(tmp_path / "model.onnx")
    (folder / "model.onnx").symlink_to(tmp_path / "model.onnx")
    with pytest.raises(KernelError, match="symbolic link"):
        pack(folder)


def test_hidden_randomness_is_refused(tmp_path):
    noisy = model(
        [helper.make_node("RandomNormalLike", ["image"], ["n"]), helper.make_node("Add", ["image", "n"], ["logits"])],
        inputs=[value("image", [1, 64])],
        outputs=[value("logits", [1, 64])],
    )
    with pytest.raises(HiddenRandomnessError, match="RandomNormalLike"):
        pack(author_folder(tmp_path / "k", proto=noisy))


def test_a_model_with_its_weights_in_another_file_is_refused(tmp_path):
    proto = linear()
    tensor = proto.graph.initializer[0]
    raw, tensor.data_location = tensor.raw_data, 1
    tensor.ClearField("raw_data")
    tensor.external_data.add(key="location", value="weights")
    folder = author_folder(tmp_path / "k", proto=proto)
    (folder / "weights").write_bytes(raw)
    with pytest.raises(ExternalDataError, match="one file"):
        pack(folder)


def test_a_truncated_model_is_refused(tmp_path):
    folder = author_folder(tmp_path / "k")
    data = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(data[:-5])
    with pytest.raises(TruncatedModelError):
        pack(folder)


def test_a_machine_that_does_not_satisfy_the_author_is_refused(tmp_path):
    toml = TOML.replace("[hardware]", '[hardware]\nfeatures = ["quantum"]')
    with pytest.raises(EnvironmentMismatchError, match="no quantum"):
        pack(author_folder(tmp_path / "k", toml=toml))


def test_an_engine_version_that_is_not_installed_is_refused(tmp_path):
    toml = TOML + '[runtime]\nname = "onnxruntime"\nversion = "0.0.1"\n'
    with pytest.raises(AivmError, match=r"0\.0\.1"):
        pack(author_folder(tmp_path / "k", toml=toml))


def test_an_arithmetic_that_does_not_exist_is_refused_with_the_one_that_does(tmp_path):
    with pytest.raises(KernelError, match="aivm-arithmetic-9") as caught:
        pack(author_folder(tmp_path / "k", toml=TOML + '[runtime]\nversion = "aivm-arithmetic-9"\n'))
    assert "aivm-arithmetic-1" in caught.value.hint


def test_an_option_that_the_engine_does_not_have_is_refused(tmp_path):
    with pytest.raises(KernelError, match="graph_optimization"):
        pack(author_folder(tmp_path / "k", toml=TOML + '[runtime]\ngraph_optimization = "all"\n'))


def test_a_kernel_is_the_reproducible_engines_unless_its_author_says_otherwise(packed_once, tmp_path):
    manifest = load(packed_once).manifest
    assert manifest.runtime == Reproducible(version="aivm-arithmetic-1", options=NoOptions())
    assert manifest.determinism == "bitwise"
    assert not manifest.numerics.fma_contraction
    other = pack(author_folder(tmp_path / "k", toml=TOML + '[runtime]\nname = "onnxruntime"\n')).manifest
    assert (other.runtime.name, other.runtime.version) == ("onnxruntime", onnxruntime.__version__)
    assert other.determinism == "pinned"
    assert other.numerics.fma_contraction == Environment.capture().fuses


def test_what_the_reproducible_engine_decides_itself_cannot_be_asked_for(tmp_path):
    with pytest.raises(ManifestError, match=r"numerics\.flush_to_zero"):
        pack(author_folder(tmp_path / "k", toml=TOML + "[numerics]\nflush_to_zero = true\n"))


NOISY_TOML = TOML.replace('model_card = "card.md"\n', "") + '[seeds.random_inputs]\nnoise = "normal"\n[seeds]\n'


def noisy_linear():
    proto = linear()
    proto.graph.node.insert(0, helper.make_node("Add", ["image", "noise"], ["seen"]))
    proto.graph.node[1].input[0] = "seen"
    proto.graph.input.append(value("noise", [1, 64]))
    return proto


def test_a_fixed_seed_makes_the_random_inputs_of_cases(tmp_path):
    outputs = {}
    for name, seed in (("a", "0x" + "00" * 31 + "01"), ("b", "0x" + "00" * 31 + "02")):
        toml = NOISY_TOML + f'policy = "fixed"\nfixed_seed = "{seed}"\n'
        kernel = pack(author_folder(tmp_path / name, toml=toml, proto=noisy_linear(), cases={"only": image(1)}))
        assert list(kernel.cases["only"]) == ["image"]
        assert kernel.manifest.seeds.fixed_seed == seed
        outputs[name] = kernel.manifest.cases[0].output
    assert outputs["a"] != outputs["b"]


def test_a_random_input_given_in_a_case_is_refused(tmp_path):
    toml = NOISY_TOML + 'policy = "verifiable"\n'
    given = image(1) | {"noise": np.zeros((1, 64), np.float32)}
    with pytest.raises(InputError, match="noise"):
        pack(author_folder(tmp_path / "k", toml=toml, proto=noisy_linear(), cases={"only": given}))


def test_a_random_input_that_the_graph_lacks_is_refused(tmp_path):
    toml = NOISY_TOML + 'policy = "verifiable"\n'
    with pytest.raises(ManifestError, match="'noise' is not among the inputs"):
        pack(author_folder(tmp_path / "k", toml=toml))


def test_a_shape_in_kernel_toml_fixes_a_free_dimension(tmp_path):
    toml = TOML + "shape = [1, 64]\n[outputs.logits]\nshape = [1, 10]\n"
    folder = author_folder(tmp_path / "k", toml=toml, proto=linear(batch="batch"))
    assert pack(folder).manifest.inputs[0].shape == (1, 64)
    load(folder)


# ---- loading


def test_a_packed_kernel_loads_as_it_was_packed(packed):
    kernel = load(packed)
    assert kernel.directory == packed
    assert kernel.model_card == b"# Linear\n"
    assert kernel == pack(packed)


def spoil(path, data=None):
    path.write_bytes(path.read_bytes()[:-1] + b"!" if data is None else data)


@pytest.mark.parametrize("name", ["manifest.json", "model.onnx", "cases/first.safetensors", "card.md"])
def test_a_missing_file_is_named(packed, name):
    (packed / name).unlink()
    with pytest.raises(KernelError, match=Path(name).stem):
        load(packed)


@pytest.mark.parametrize(
    "name",
    [
        "manifest.json",
        "model.onnx",
        "card.md",
        "cases/first.safetensors",
        "expected/first.safetensors",
        "expected/second.json",
    ],
)
def test_a_file_with_one_changed_byte_is_refused(packed, name):
    spoil(packed / name)
    with pytest.raises(AivmError) as caught:
        load(packed)
    assert isinstance(caught.value, KernelError | RecordError | tensors.TensorFileError)


def test_a_case_with_other_values_is_refused(packed):
    spoil(packed / "cases/first.safetensors", tensors.encode(image(9)))
    with pytest.raises(KernelError, match=r"cases/first\.safetensors is not the input"):
        load(packed)


def test_a_case_that_the_manifest_does_not_list_is_refused(packed):
    (packed / "cases/third.safetensors").write_bytes(tensors.encode(image(3)))
    with pytest.raises(KernelError, match="differ in third"):
        load(packed)


def test_another_model_of_the_same_size_is_refused(packed):
    data = (packed / "model.onnx").read_bytes()
    spoil(packed / "model.onnx", data.replace(b"scores", b"scored"))
    with pytest.raises(KernelError, match="the manifest says"):
        load(packed)


def test_a_longer_model_is_refused_before_it_is_read(packed):
    spoil(packed / "model.onnx", (packed / "model.onnx").read_bytes() + b"\0" * 100)
    with pytest.raises(KernelError, match="at most"):
        load(packed)


def test_a_manifest_that_lies_about_the_graph_is_refused(packed):
    record = json.loads((packed / "manifest.json").read_bytes())
    record["model"]["operators"] = ["ai.onnx::Gemm"]
    (packed / "manifest.json").write_bytes(canonical.encode(record))
    with pytest.raises(ManifestDisagreementError, match="Relu"):
        load(packed)


def test_a_folder_without_kernel_toml_loads_without_its_card(packed):
    (packed / "kernel.toml").unlink()
    kernel = load(packed)
    assert kernel.model_card is None
    with pytest.raises(KernelError, match="model card"):
        list(blocks(kernel))


# ---- content


def test_a_kernel_travels_as_blocks(packed_once):
    kernel = load(packed_once)
    store = {}
    for cid, block in blocks(kernel):
        cid.verify(block)
        store[cid] = block
    assert list(store)[-1] == Cid.raw(bytes(kernel.manifest.digest()))
    arrived = from_blocks(kernel.manifest.digest(), store.__getitem__)
    assert arrived == kernel
    assert arrived.model == kernel.model
    for name, inputs in kernel.cases.items():
        np.testing.assert_array_equal(arrived.cases[name]["image"], inputs["image"])
        assert Cid.parse(kernel.expected[name].record.tensors) in store
        assert store[Cid.raw(bytes(records.digest(kernel.expected[name].record)))]
    assert Cid.parse(kernel.manifest.model_card) in store


def test_a_validator_needs_no_expected_outputs(packed_once):
    kernel = load(packed_once)
    store = dict(blocks(kernel))
    for expected in kernel.expected.values():
        del store[Cid.parse(expected.record.tensors)]
    arrived = from_blocks(kernel.manifest.digest(), store.__getitem__)
    with pytest.raises(KernelError, match="not at hand"):
        list(blocks(dataclasses.replace(arrived, model_card=kernel.model_card)))


def test_a_block_with_other_bytes_is_refused_whichever_it_is(packed_once):
    kernel = load(packed_once)
    store = dict(blocks(kernel))
    needed = []

    def note(cid):
        needed.append(cid)
        return store[cid]

    from_blocks(kernel.manifest.digest(), note)
    assert len(needed) == 2 + 2 * len(kernel.cases)
    for bad in needed:
        spoilt = store | {bad: store[bad] + b" "}
        with pytest.raises(CidMismatchError, match=str(bad)):
            from_blocks(kernel.manifest.digest(), spoilt.__getitem__)


def test_a_missing_block_is_the_stores_own_error(packed_once):
    kernel = load(packed_once)
    with pytest.raises(KeyError):
        from_blocks(kernel.manifest.digest(), {}.__getitem__)


def test_a_record_that_is_no_manifest_is_refused():
    data = b'{"type":"aivm/other","version":1}'
    with pytest.raises(ManifestError, match="aivm/manifest"):
        from_blocks(Digest.of(data), {Cid.raw(bytes(Digest.of(data))): data}.__getitem__)


def test_a_model_of_another_size_than_the_manifest_says_is_refused(packed_once):
    kernel = load(packed_once)
    store = dict(blocks(kernel))
    for size, error in (
        (kernel.manifest.model.size - 1, AivmError),
        (kernel.manifest.model.size + 1, TruncatedModelError),
    ):
        lying = msgspec.structs.replace(
            kernel.manifest, model=msgspec.structs.replace(kernel.manifest.model, size=size)
        )
        changed = store | {Cid.raw(bytes(lying.digest())): lying.record()}
        with pytest.raises(error):
            from_blocks(lying.digest(), changed.__getitem__)


def test_weights_over_a_mebibyte_travel_in_several_blocks(tmp_path):
    rows = 300_000
    proto = model(
        [
            helper.make_node("Gather", ["table", "row"], ["taken"]),
            helper.make_node("Cast", ["taken"], ["answer"], to=7),
        ],
        inputs=[value("row", [1], 7)],
        outputs=[value("answer", [1], 7)],
        constants=[constant("table", np.arange(rows))],
    )
    toml = 'name = "table"\nversion = "1.0.0"\nlicence = "MIT"\n[answer]\nconvention = "first"\noutput = "answer"\n'
    cases = {"last": {"row": np.array([rows - 1], np.int64)}}
    kernel = pack(author_folder(tmp_path / "k", toml=toml, proto=proto, cases=cases))
    assert int(kernel.expected["last"].record.answer, 16) == rows - 1
    store = dict(blocks(kernel))
    assert len(store) == 3 + 5  # the model's two leaves and root; two records with their tensors; the manifest
    assert from_blocks(kernel.manifest.digest(), store.__getitem__).model == kernel.model


def test_cases_that_are_many_times_the_same_large_file_are_refused(tmp_path, monkeypatch):
    kernel = pack(author_folder(tmp_path / "k", cases={"a": image(1), "b": image(1)}))
    size = tensors.encoded_size(kernel.cases["a"])
    store = dict(blocks(kernel))
    monkeypatch.setattr("aivm.kernel.content.MAX_CASE_BYTES", 2 * size)
    assert len(from_blocks(kernel.manifest.digest(), store.__getitem__).cases) == 2
    monkeypatch.setattr("aivm.kernel.content.MAX_CASE_BYTES", 2 * size - 1)
    with pytest.raises(KernelError, match=r"case 'b'.*for all cases together"):
        from_blocks(kernel.manifest.digest(), store.__getitem__)
