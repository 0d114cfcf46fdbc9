from __future__ import annotations

import hashlib
import math
import os
import struct
import subprocess
import sys
from decimal import Decimal, localcontext
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivm import seeds
from aivm.seeds import SeedError, element, philox4x32, random_input

SEED = bytes(range(32))
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899")
GOLDEN = {
    "uniform": "21f5acfc2a6e748a975644bba042042d4afe76a35745179969c06008f16d6bad",
    "normal": "56b6cd2ee09e5032a8953cf80401bc351beb6e301cc028d015f5bd7febcc1721",
}

words = st.integers(0, 2**32 - 1)


# Known answers of the generator's authors (Random123, kat_vectors).
@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ([0] * 4, [0] * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_gives_the_known_answers_of_its_authors(counter, key, expected):
    assert " ".join(f"{word:08x}" for word in philox4x32(np.array(counter, np.uint32), key)) == expected


def plain_philox(counter, key):
    """The paper's text with Python integers."""
    counter, key = list(counter), list(key)
    for _ in range(10):
        first, second = counter[0] * 0xD2511F53, counter[2] * 0xCD9E8D57
        counter = [
            second >> 32 ^ counter[1] ^ key[0],
            second & 0xFFFFFFFF,
            first >> 32 ^ counter[3] ^ key[1],
            first & 0xFFFFFFFF,
        ]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return counter


@given(st.lists(st.tuples(words, words, words, words), min_size=1, max_size=20), st.tuples(words, words))
def test_philox_over_an_array_is_philox_of_each_block(counters, key):
    assert philox4x32(np.array(counters, np.uint32), key).tolist() == [plain_philox(c, key) for c in counters]


def word(name, index, seed):
    """The random word of an element, from the protocol's text alone."""
    h = hashlib.sha256(b"aivm/philox4x32-10/1\0" + seed + name.encode()).digest()
    block = struct.unpack("<II", struct.pack("<Q", index // 4)) + struct.unpack("<II", h[8:16])
    return plain_philox(block, struct.unpack("<II", h[:8]))[index % 4]


@given(st.text(max_size=8), st.binary(min_size=32, max_size=32), st.integers(0, 2**66 - 1))
def test_a_uniform_element_is_the_top_24_bits_of_its_word(name, seed, index):
    assert float(element(name, index, "uniform", seed)) == (word(name, index, seed) >> 8) / 2**24


def plain_log(x):
    mantissa, exponent = math.frexp(x)
    mantissa, exponent = mantissa * 2, exponent - 1
    if mantissa >= 1.4142135623730951:
        mantissa, exponent = mantissa * 0.5, exponent + 1
    f = (mantissa - 1.0) / (mantissa + 1.0)
    square, total = f * f, 1.0 / 23
    for power in range(21, 0, -2):
        total = total * square + 1.0 / power
    return exponent * 0.6931471805599453 + 2.0 * f * total


def plain_inverse_normal(p):
    def ratio(tables, r):
        values = []
        for table in tables:
            value = table[0]
            for coefficient in table[1:]:
                value = value * r + coefficient
            values.append(value)
        return values

    q = p - 0.5
    if abs(q) <= 0.425:
        top, bottom = ratio(seeds._CENTRE, 0.180625 - q * q)
        return q * top / bottom
    top, bottom = ratio(seeds._FLANK, math.sqrt(-plain_log(p if q < 0 else 1.0 - p)) - 1.6)
    return math.copysign(top / bottom, q)


@given(st.text(max_size=8), st.binary(min_size=32, max_size=32), st.integers(0, 2**66 - 1))
def test_a_normal_element_equals_the_algorithm_in_python_floats_to_the_bit(name, seed, index):
    p = (word(name, index, seed) + 0.5) * 2.0**-32
    assert element(name, index, "normal", seed) == np.float32(plain_inverse_normal(p))


@given(
    st.sampled_from(["uniform", "normal"]),
    st.lists(st.integers(0, 7), max_size=4),
    st.integers(1, 50),
)
def test_an_array_is_its_elements_whatever_the_chunks(distribution, shape, chunk):
    whole = random_input("x", shape, distribution, SEED)
    assert whole.shape == tuple(shape)
    assert whole.dtype == np.float32
    assert [element("x", i, distribution, SEED) for i in range(whole.size)] == whole.ravel().tolist()
    original, seeds._CHUNK = seeds._CHUNK, chunk
    try:
        assert random_input("x", shape, distribution, SEED).tobytes() == whole.tobytes()
    finally:
        seeds._CHUNK = original


@pytest.mark.parametrize("distribution", GOLDEN)
def test_the_bits_are_golden_values(distribution):
    values = random_input("noise", [3, 100_003], distribution, SEED)
    assert hashlib.sha256(values.astype("<f4").tobytes()).hexdigest() == GOLDEN[distribution]


def test_the_bits_do_not_depend_on_the_vector_instructions_that_numpy_uses():
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__  # noqa: PLC0415

    optional = [feature for feature in __cpu_dispatch__ if __cpu_features__.get(feature)]
    program = (
        "import hashlib; from aivm.seeds import random_input;"
        "values = random_input('noise', [3, 100_003], 'normal', bytes(range(32)));"
        "print(hashlib.sha256(values.astype('<f4').tobytes()).hexdigest())"
    )
    environment = {**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(optional)}
    result = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
    assert result.stdout.decode().strip() == GOLDEN["normal"]


def distribution_function(z: float) -> tuple[Decimal, Decimal]:
    """The normal distribution function and density at z, by their series with 80 digits."""
    with localcontext() as context:
        context.prec = 80
        x = Decimal(z)
        term, total, k = x, x, 1
        while abs(term) > Decimal(10) ** -75:
            term = term * x * x / (2 * k + 1)
            total, k = total + term, k + 1
        density = (-x * x / 2).exp() / (2 * PI).sqrt()
        return Decimal("0.5") + density * total, density


EXTREMES = [0, 1, 2, 1000, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1, int(0.075 * 2**32), int(0.925 * 2**32)]


@given(words)
def test_the_normal_is_the_inverse_of_the_distribution_function(w):
    check_accuracy(w)


@pytest.mark.parametrize("w", EXTREMES)
def test_the_normal_is_accurate_at_the_ends_and_where_its_regions_meet(w):
    check_accuracy(w)


def check_accuracy(w):
    p = (w + 0.5) * 2.0**-32
    z = float(seeds.inverse_normal(np.array([p]))[0])
    value, density = distribution_function(z)
    # How far the argument is from the true one: the error in p over the slope there.
    assert abs((value - Decimal(p)) / density) <= Decimal("2e-15") * max(1, abs(Decimal(z)))
    # And against the standard library's own: half a unit of binary32 is 6e-8 relative, so a few units is safe.
    assert math.isclose(np.float32(z), NormalDist().inv_cdf(p), rel_tol=2e-7, abs_tol=1e-15)


@given(st.floats(2.0**-33, 1.0))
def test_the_logarithm_is_within_four_units_in_the_last_place(x):
    ours = float(seeds.logarithm(np.array([x]))[0])
    assert abs(ours - math.log(x)) <= 4 * max(math.ulp(math.log(x)), math.ulp(1e-3))


def test_samples_look_like_their_distribution():
    uniform = random_input("x", [200_000], "uniform", SEED).astype(np.float64)
    normal = random_input("x", [200_000], "normal", SEED).astype(np.float64)
    assert 0 <= uniform.min() < uniform.max() < 1
    # Five standard errors of a mean of n: 5 / sqrt(12 n) and 5 / sqrt(n).
    assert abs(uniform.mean() - 0.5) < 5 / math.sqrt(12 * uniform.size)
    assert abs(normal.mean()) < 5 / math.sqrt(normal.size)
    assert abs(normal.var() - 1) < 5 * math.sqrt(2 / normal.size)
    grid = np.linspace(-3, 3, 61)
    expected = np.array([NormalDist().cdf(z) for z in grid])
    observed = np.searchsorted(np.sort(normal), grid) / normal.size
    assert np.abs(observed - expected).max() < 1.95 / math.sqrt(normal.size)  # Kolmogorov-Smirnov at one in a thousand


def test_names_and_seeds_are_independent():
    streams = {
        random_input(name, [8], "uniform", seed).tobytes() for name in ["a", "b", "ab"] for seed in [SEED, bytes(32)]
    }
    assert len(streams) == 6


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33)])
def test_a_seed_of_another_length_is_refused(seed):
    with pytest.raises(SeedError, match="32 bytes"):
        random_input("x", [1], "normal", seed)


@pytest.mark.parametrize("shape", [[1], [0]])
def test_an_unknown_distribution_is_refused(shape):
    with pytest.raises(SeedError, match="cauchy"):
        random_input("x", shape, "cauchy", SEED)


@pytest.mark.parametrize("index", [-1, 2**66])
def test_an_element_that_no_counter_reaches_is_refused(index):
    with pytest.raises(SeedError, match="does not exist"):
        element("x", index, "normal", SEED)
