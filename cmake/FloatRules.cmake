# docs/arithmetic.md needs a compiler that evaluates what is written: no contraction, no reassociation, no flush to zero.
# The flags below ask for it; the checks refuse a build in which they would be overruled.

set(AIVM_FLOAT_FLAGS -ffp-contract=off -fno-fast-math -fno-math-errno)

# Options that change results, wherever they are placed. Even at link time alone, -ffast-math adds start-up code that
# sets flush-to-zero for the whole process.
set(AIVM_FORBIDDEN_FLAGS
    "-Ofast|-ffast-math|-funsafe-math-optimizations|-fassociative-math|-freciprocal-math|-ffinite-math-only"
    "|-fno-signed-zeros|-fno-honor-|-fno-rounding-math-|-mdaz-ftz|-mrecip|-mfpmath=(387|both)|-fp-model[= ]fast"
    "|-ffp-model=(fast|aggressive)|-flto")
string(JOIN "" AIVM_FORBIDDEN_FLAGS ${AIVM_FORBIDDEN_FLAGS})

function(aivm_require_float_rules)
  string(TOUPPER "${CMAKE_BUILD_TYPE}" type)
  foreach(variable CMAKE_CXX_FLAGS CMAKE_CXX_FLAGS_${type} CMAKE_EXE_LINKER_FLAGS CMAKE_SHARED_LINKER_FLAGS
                   CMAKE_MODULE_LINKER_FLAGS)
    if("${${variable}}" MATCHES "(${AIVM_FORBIDDEN_FLAGS})")
      message(FATAL_ERROR "${variable} holds ${CMAKE_MATCH_1}, with which the same bits on every machine cannot be "
                          "promised (docs/arithmetic.md). Remove it: look at CXXFLAGS, CFLAGS and LDFLAGS.")
    endif()
  endforeach()

  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12)
    message(FATAL_ERROR "GCC 12 or newer is needed, this is ${CMAKE_CXX_COMPILER_VERSION}. Set CXX to a newer one.")
  elseif(CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
    message(FATAL_ERROR "Clang 14 or newer is needed, this is ${CMAKE_CXX_COMPILER_VERSION}. Set CXX to a newer one.")
  endif()

  # What the probe is compiled with: the caller's flags, then ours, as everything else is.
  string(JOIN " " CMAKE_CXX_FLAGS ${CMAKE_CXX_FLAGS} -O2 ${AIVM_FLOAT_FLAGS})
  set(probe ${CMAKE_CURRENT_SOURCE_DIR}/cmake/float_rules.cpp)
  # A compiler can only be shown to honour the rules by running what it made; where that needs an emulator that is not
  # there, the static assertions have to do.
  if(CMAKE_CROSSCOMPILING AND NOT CMAKE_CROSSCOMPILING_EMULATOR)
    try_compile(compiled ${CMAKE_BINARY_DIR}/float_rules ${probe}
                CXX_STANDARD 17 OUTPUT_VARIABLE output)
    set(exit_code 0)
  else()
    try_run(exit_code compiled ${CMAKE_BINARY_DIR}/float_rules ${probe}
            CXX_STANDARD 17 COMPILE_OUTPUT_VARIABLE output RUN_OUTPUT_VARIABLE findings)
  endif()
  if(NOT compiled)
    message(FATAL_ERROR "${CMAKE_CXX_COMPILER} cannot compile cmake/float_rules.cpp:\n${output}")
  elseif(NOT exit_code EQUAL 0)
    message(FATAL_ERROR "${CMAKE_CXX_COMPILER} does not honour the rules of docs/arithmetic.md with the flags "
                        "'${CMAKE_CXX_FLAGS}':\n${findings}")
  endif()
endfunction()
