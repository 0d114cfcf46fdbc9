// The kernels for AArch64's Advanced SIMD.
#define AIVM_ISA neon
#define AIVM_HARDWARE_FMA true
#include "vector_neon.inl"
#include "table.inl"
