// The kernels for AVX2 with FMA.
#define AIVM_ISA avx2
#define AIVM_HARDWARE_FMA true
#include "vector_avx2.inl"
#include "table.inl"
