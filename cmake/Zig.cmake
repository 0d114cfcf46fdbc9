# A toolchain of the PyPI package `ziglang` alone, for machines that have no C++ compiler (cmake/aivm_build.py).
# AIVM_ZIG, in the environment, is its executable. Zig is a Clang with its own headers, libraries and linker.
set(zig $ENV{AIVM_ZIG})
set(CMAKE_CXX_COMPILER ${zig} c++)

# Without a target Zig compiles for the processor that it finds itself on. This is the oldest one, with a C library that
# manylinux_2_28 machines have; files that are for one instruction set add that to it.
string(TOLOWER ${CMAKE_HOST_SYSTEM_PROCESSOR} processor)
string(REPLACE arm64 aarch64 processor ${processor})
string(REPLACE amd64 x86_64 processor ${processor})
set(CMAKE_CXX_FLAGS_INIT "-target ${processor}-linux-gnu.2.28 -mcpu=baseline -fno-sanitize=all")

# `ar` and `ranlib` are Zig's too.
set(CMAKE_AR ${zig})
set(CMAKE_RANLIB ${zig})
set(CMAKE_CXX_ARCHIVE_CREATE "<CMAKE_AR> ar qc <TARGET> <OBJECTS>")
set(CMAKE_CXX_ARCHIVE_APPEND "<CMAKE_AR> ar q <TARGET> <OBJECTS>")
set(CMAKE_CXX_ARCHIVE_FINISH "<CMAKE_RANLIB> ranlib <TARGET>")
