#!/usr/bin/env bash
# The same digests on other processors, without root: golden vectors of every operator, and a fingerprint of random cases.
#
#   scripts/emulated.sh [short|full|setup]     short is what CI runs; setup compares nothing
#
# - this processor, with each instruction set, and with features masked at its own speed (scripts/arithmetic/under_mask.py);
# - an older x86-64 processor, emulated: the whole Python stack;
# - AArch64, emulated: the core and its programs cross-compiled, and the whole Python stack of Debian and PyPI packages.
#
# Debian's packages come from the mirror that apt is configured for, and everything is kept in build/emulated, unpacked
# there and never installed; where they cannot be had, it ends with code 3. `full` takes more cases, more processors, and
# a machine without FMA for programs alone.
set -euo pipefail
cd "$(dirname "$0")/.."

form=${1:-short}
case $form in
    short) each=1 random=200 ;;
    full) each=10 random=2000 ;;
    setup) ;;
    *) echo "usage: scripts/emulated.sh [short|full|setup]" >&2; exit 2 ;;
esac
[ "$(uname -m)" = x86_64 ] || { echo "this script emulates from x86-64; this machine is $(uname -m)" >&2; exit 2; }

python=$PWD/.venv/bin/python
packages=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
home=$PWD/build/emulated
debian=$home/debian tools=$home/tools root=$home/aarch64 wheels=$home/wheels build=$home/build
mkdir -p "$home"
unset AIVM_ISA

# --- what is needed, each unpacked once ---

apt() { # ARCHITECTURE PACKAGE…: them and all that they need, into debian/ARCHITECTURE
    local architecture=$1 archives=$debian/$1
    shift
    mkdir -p "$debian/lists/partial" "$debian/cache" "$archives/partial"
    : > "$debian/nothing-is-installed"
    local options=(-qq -y -oDebug::NoLocking=1 -oAPT::Sandbox::User= -oAPT::Install-Recommends=0
        -oAPT::Architecture="$architecture" -oAPT::Architectures=amd64,arm64
        -oDir::State::Lists="$debian/lists" -oDir::State::status="$debian/nothing-is-installed"
        -oDir::Cache="$debian/cache" -oDir::Cache::archives="$archives")
    [ -e "$debian/updated" ] || { apt-get "${options[@]}" update && touch "$debian/updated"; } || return 1
    apt-get "${options[@]}" --download-only install "$@" >&2
}

# Its own exit code, so that whoever calls this can tell "nothing was compared" from "something differs".
unavailable() {
    echo "the packages of Debian that this needs cannot be had here, so nothing was compared" >&2
    exit 3
}

unpack() { # ARCHITECTURE FOLDER
    mkdir -p "$2"
    for package in "$debian/$1"/*.deb; do dpkg-deb -x "$package" "$2"; done
    rm -r "${debian:?}/$1"
}

if [ ! -e "$tools/ready" ]; then
    echo "unpacking an emulator and a cross compiler …" >&2
    apt amd64 qemu-user-static g++-aarch64-linux-gnu || unavailable
    unpack amd64 "$tools"
    find "$tools/usr/bin" -name 'qemu-*' ! -name qemu-aarch64-static ! -name qemu-x86_64-static -delete
    # The compiler finds its parts relative to itself; its libraries and the target's files it has to be told.
    printf '#!/bin/sh\nLD_LIBRARY_PATH=%q exec %q --sysroot=%q "$@"\n' "$tools/usr/lib/x86_64-linux-gnu" \
        "$tools/usr/bin/aarch64-linux-gnu-g++" "$tools" > "$tools/aarch64-c++"
    chmod +x "$tools/aarch64-c++"
    "$python" -m pip --disable-pip-version-check install --quiet -c constraints.txt --target "$tools/python" \
        cmake nanobind ninja
    touch "$tools/ready"
fi
if [ ! -e "$root/ready" ]; then
    echo "unpacking Python for AArch64 …" >&2
    apt arm64 python3 libpython3-dev libstdc++6 || unavailable
    unpack arm64 "$root"
    touch "$root/ready"
fi
aarch64() { "$tools/usr/bin/qemu-aarch64-static" -cpu "${cpu:-neoverse-n1}" -L "$root" "$@"; }
x86_64() { "$tools/usr/bin/qemu-x86_64-static" -cpu "$cpu" "$@"; }
version=$(aarch64 "$root/usr/bin/python3" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
if [ ! -e "$wheels/ready" ]; then
    "$python" -m pip --disable-pip-version-check install --quiet -c constraints.txt --target "$wheels" \
        --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux2014_aarch64 \
        --python-version "$version" --only-binary=:all: numpy onnx msgspec rfc8785
    touch "$wheels/ready"
fi
# A folder of its own: the reproducible engine's runs must not depend on it. What it asks /proc/cpuinfo has to be Arm's.
if [ ! -e "$home/onnxruntime/ready" ]; then
    "$python" -m pip --disable-pip-version-check install --quiet -c constraints.txt --target "$home/onnxruntime" --no-deps \
        --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux2014_aarch64 \
        --python-version "$version" --only-binary=:all: onnxruntime
    touch "$home/onnxruntime/ready"
fi
mkdir -p "$root/proc"
for core in 0 1; do
    printf 'processor\t: %s\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp\n' $core
    printf 'CPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x3\nCPU part\t: 0xd0c\nCPU revision\t: 1\n\n'
done > "$root/proc/cpuinfo"

echo "cross-compiling the core …" >&2
export PATH=$tools/python/bin:$PATH
programs=$build/tests/arithmetic/native
PYTHONPATH=$tools/python cmake -G Ninja -S . -B "$build" -DAIVM_TOOLS=ON --log-level=WARNING \
    -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_CXX_COMPILER="$tools/aarch64-c++" \
    -DCMAKE_CXX_FLAGS="-I$root/usr/include" \
    -DCMAKE_CROSSCOMPILING_EMULATOR="$tools/usr/bin/qemu-aarch64-static;-L;$root" \
    -DPython_EXECUTABLE="$root/usr/bin/python$version" -Dnanobind_DIR="$tools/python/nanobind/cmake" >&2
PYTHONPATH=$tools/python cmake --build "$build" --target _core replay check_vectors_neon check_vectors_portable \
    $([ "$form" != full ] || echo digest prove_functions) >&2
rm -rf "$wheels/aivm"
cp -r aivm "$wheels/aivm"
cp "$build"/_core.*.so "$wheels/aivm/arithmetic/"
[ "$form" = setup ] && exit 0

# --- the comparisons ---

failures=0
report() { # NAME RESULT SECONDS
    printf '%-44s %s (%s s)\n' "$1" "$2" "$3"
}
digests() { grep -oE '"(inputs|outputs|traces)": "[0-9a-f]+"' || true; }
vectors() { # NAME COMMAND…: Python, which has to give the golden digests
    local name=$1 began=$SECONDS
    shift
    local found
    if found=$("$@" scripts/arithmetic/check_golden.py 2>&1); then
        report "$name" "$(tail -1 <<< "$found" | grep -oE '^[0-9]+ vectors, [0-9]+ mismatches')" $((SECONDS - began))
    else
        report "$name" "DIFFERS: $(tail -3 <<< "$found")" $((SECONDS - began))
        failures=$((failures + 1))
    fi
}
fingerprint() { # NAME INSTRUCTION-SET COMMAND…: Python, which has to give the native digests with these kernels
    local name=$1 isa=$2 began=$SECONDS found
    shift 2
    found=$("$@" scripts/arithmetic/fingerprint.py --each "$each" 2>&1) || true
    if [ "$(digests <<< "$found")" = "$expected" ] && grep -q "\"isa\": \"$isa\"" <<< "$found"; then
        report "$name, $isa" "$(grep -oE '"cases": [0-9]+' <<< "$found" | grep -oE '[0-9]+') cases, the same" $((SECONDS - began))
    else
        report "$name, $isa" "DIFFERS: $found" $((SECONDS - began))
        failures=$((failures + 1))
    fi
}
program() { # NAME EXPECTED-LAST-LINE COMMAND…: a program without Python
    local name=$1 wanted=$2 began=$SECONDS found
    shift 2
    found=$("$@" 2>&1) || true
    if [ "$(tail -1 <<< "$found")" = "$wanted" ]; then
        report "$name" "$wanted" $((SECONDS - began))
    else
        report "$name" "DIFFERS: $(tail -3 <<< "$found") instead of $wanted" $((SECONDS - began))
        failures=$((failures + 1))
    fi
}
functions() { # NAME COMMAND…: every 4093rd argument of the elementary functions, and their worst cases, as they are here
    local name=$1 began=$SECONDS found wanted rest=(4093 tests/vectors/arithmetic/worst_cases)
    shift
    wanted=$("$here/prove_functions" sample "$best" "${rest[@]}") || failures=$((failures + 1))
    if found=$("$@" "${rest[@]}" 2>&1) && [ "$found" = "$wanted" ]; then
        report "$name" "$(wc -l <<< "$found") lines, the same" $((SECONDS - began))
    else
        report "$name" "DIFFERS: $(diff <(echo "$wanted") <(echo "$found") | head -5)" $((SECONDS - began))
        failures=$((failures + 1))
    fi
}

native=$("$python" scripts/arithmetic/fingerprint.py --each "$each")
expected=$(digests <<< "$native")
[ -n "$expected" ] || { echo "no fingerprint: $native" >&2; exit 1; }
echo "$native"
for isa in $("$python" -c 'from aivm.arithmetic import _core; print(*_core.isas())'); do
    vectors "this processor, $isa" env AIVM_ISA="$isa" "$python"
    fingerprint "this processor" "$isa" env AIVM_ISA="$isa" "$python"
done

under_mask() { # MASK PROGRAM…
    "$python" scripts/arithmetic/under_mask.py "$@"
}
best=$("$python" -c 'from aivm.arithmetic import _core; print(_core.isas()[0])')
[ "$best" = portable ] || fingerprint "masked, without AVX-512" avx2 under_mask avx2
fingerprint "masked, without AVX2 and FMA" portable under_mask avx
fingerprint "masked, without AVX" portable under_mask sse
vectors "masked, without AVX" under_mask sse

# The oldest that NumPy's packages run on.
cpu=SandyBridge vectors "emulated Sandy Bridge" x86_64 "$python"
cpu=SandyBridge fingerprint "emulated Sandy Bridge" portable x86_64 "$python"

export PYTHONDONTWRITEBYTECODE=1
arm=(env PYTHONPATH="$wheels" "$tools/usr/bin/qemu-aarch64-static" -L "$root")
vectors "emulated AArch64 (Neoverse N1)" "${arm[@]}" -cpu neoverse-n1 "$root/usr/bin/python3"
fingerprint "emulated AArch64 (Neoverse N1)" neon "${arm[@]}" -cpu neoverse-n1 "$root/usr/bin/python3"
program "AArch64, vectors' operations, neon" "0 differences" aarch64 "$programs/check_vectors_neon"
program "AArch64, vectors' operations, portable" "0 differences" aarch64 "$programs/check_vectors_portable"
"$python" scripts/arithmetic/check_golden.py --export "$home/plans"
for isa in neon portable; do
    began=$SECONDS
    plans=$(aarch64 "$programs/replay" "$home/plans" "$isa" 2 2>&1) || failures=$((failures + 1))
    report "AArch64 without Python, $isa" "$plans" $((SECONDS - began))
done

# The suite over all of these at once: a kernel on the reproducible engine is bitwise in every environment there is.
began=$SECONDS
found=$("$python" -m registry.cli suite run kernels/digits --cache "$home/suite" --emulated "$home" --json 2>&1) || true
class=$(grep -oE '"determinism_class": "[a-z]+"' <<< "$found") || true
missing=$(grep -cE '"error": "|"axis": "emulated"' <<< "$found") || true
if [ "$class" = '"determinism_class": "bitwise"' ] && [ "$missing" = 0 ]; then
    report "the suite, digits" "$(grep -oE '"distinct_environments": [0-9]+' <<< "$found" | grep -oE '[0-9]+') environments, bitwise" $((SECONDS - began))
else
    report "the suite, digits" "DIFFERS: $found" $((SECONDS - began))
    failures=$((failures + 1))
fi

if [ "$form" = full ]; then
    echo "building the programs for this processor …" >&2
    PYTHONPATH=$tools/python cmake -G Ninja -S . -B "$home/native" -DAIVM_TOOLS=ON -DAIVM_MODULE=OFF --log-level=WARNING >&2
    PYTHONPATH=$tools/python cmake --build "$home/native" --target digest prove_functions replay check_vectors_portable >&2
    here=$home/native/tests/arithmetic/native
    sums=$("$here/digest" "$random" | tail -1)
    for cpu in cortex-a53 cortex-a72 neoverse-n1 a64fx; do
        program "AArch64 ($cpu), $random sums of products" "$sums" aarch64 "$programs/digest" "$random"
    done
    for cpu in qemu64 Nehalem Haswell EPYC; do
        program "x86-64 ($cpu), $random sums of products" "$sums" x86_64 "$here/digest" "$random"
    done
    cpu=neoverse-n1 functions "AArch64 (neoverse-n1), functions, neon" aarch64 "$programs/prove_functions" sample neon
    for cpu in cortex-a53 a64fx; do
        fingerprint "emulated AArch64 ($cpu)" neon "${arm[@]}" -cpu "$cpu" "$root/usr/bin/python3"
    done
    each=1 expected=$("$python" scripts/arithmetic/fingerprint.py --each 1 | digests)
    cpu=Haswell fingerprint "emulated Haswell" avx2 x86_64 "$python"
fi

if [ "$failures" -gt 0 ]; then
    echo "$failures of the comparisons failed" >&2
    exit 1
fi
