// The kernels for AVX-512 (F, DQ, BW, VL).
#define AIVM_ISA avx512
#define AIVM_HARDWARE_FMA true
#include "vector_avx512.inl"
#include "table.inl"
