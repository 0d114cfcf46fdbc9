// The table of inner loops that each instruction set fills (isa/*.cpp, through isa/table.inl).
#pragma once

#include "cast.hpp"
#include "elementwise.hpp"
#include "functions.hpp"
#include "gemm.hpp"
#include "integer.hpp"
#include "interpolate.hpp"
#include "move.hpp"
#include "normalise.hpp"
#include "pool.hpp"
#include "quantise.hpp"
#include "reduce.hpp"

namespace aivm {

struct Kernels {
  const char* isa;
  int lanes;          // binary32 per vector
  bool hardware_fma;  // false: exact but emulated, and slow
  GemmKernels gemm;
  ElementwiseKernels elementwise;
  FunctionKernels functions;
  ReduceKernels reduce;
  NormaliseKernels normalise;
  PoolKernels pool;
  MoveKernels move;
  CastKernels cast;
  QuantiseKernels quantise;
  InterpolateKernels interpolate;
  IntegerKernels integer;
};

}  // namespace aivm
