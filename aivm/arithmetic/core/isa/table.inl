// Compiles every kernel for the instruction set AIVM_ISA, whose vectors were defined before, and makes its table.
#include "../kernels.hpp"
#include "vector_common.inl"

#include "../cast.inl"
#include "../conv.inl"
#include "../elementwise.inl"
#include "../functions.inl"
#include "../gemm.inl"
#include "../integer.inl"
#include "../interpolate.inl"
#include "../move.inl"
#include "../normalise.inl"
#include "../pool.inl"
#include "../quantise.inl"
#include "../reduce.inl"

#define AIVM_JOIN_(a, b) a##_##b
#define AIVM_JOIN(a, b) AIVM_JOIN_(a, b)
#define AIVM_TEXT_(a) #a
#define AIVM_TEXT(a) AIVM_TEXT_(a)

namespace aivm {

const Kernels& AIVM_JOIN(AIVM_ISA, kernels)() {
  static constexpr Kernels table{
      AIVM_TEXT(AIVM_ISA), AIVM_ISA::lanes, AIVM_HARDWARE_FMA, AIVM_ISA::gemm_kernels, AIVM_ISA::elementwise_kernels,
      AIVM_ISA::function_kernels, AIVM_ISA::reduce_kernels, AIVM_ISA::normalise_kernels,
      AIVM_ISA::pool_kernels, AIVM_ISA::move_kernels, AIVM_ISA::cast_kernels, AIVM_ISA::quantise_kernels,
      AIVM_ISA::interpolate_kernels, AIVM_ISA::integer_kernels,
  };
  return table;
}

}  // namespace aivm
