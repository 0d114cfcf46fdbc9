// The kernels in plain C++, for any 64-bit machine: the same bits, slowly, since every fused multiply-add is emulated.
#define AIVM_ISA portable
#define AIVM_HARDWARE_FMA false
#include "vector_portable.inl"
#include "table.inl"
