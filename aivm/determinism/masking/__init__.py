"""Features of an x86-64 processor hidden from one program, which runs at full speed (docs/bits.md).

`mask_cpuid.c` is the mask, `patch` what makes a library ask it where the kernel cannot make CPUID fault.
"""
