# One translation unit per instruction set, with its own flags. Nothing that it compiles may be shared with the rest of
# the library: the linker keeps one copy of an inline function, and a copy made of AVX-512 instructions would kill an
# older machine. So an object that defines a weak symbol fails the build.

function(aivm_add_isa name flags)
  set(source ${core}/isa/${name}.cpp)
  add_library(aivm_isa_${name} OBJECT ${source})
  target_include_directories(aivm_isa_${name} PRIVATE ${core})
  target_compile_options(aivm_isa_${name} PRIVATE ${AIVM_FLOAT_FLAGS} ${AIVM_OPTIMISATION} -Wall -Wextra -Wno-psabi
                         -fno-exceptions -fno-rtti ${flags}
                         # GCC 12 takes the undefined operands of its own intrinsics for mistakes.
                         $<$<CXX_COMPILER_ID:GNU>:-Wno-uninitialized -Wno-maybe-uninitialized>)
  target_sources(aivm_core PRIVATE $<TARGET_OBJECTS:aivm_isa_${name}>)
  set(AIVM_ISAS ${AIVM_ISAS} ${name} PARENT_SCOPE)
  set(AIVM_FLAGS_${name} ${flags} PARENT_SCOPE)
  string(TOUPPER ${name} upper)
  target_compile_definitions(aivm_core PRIVATE AIVM_HAVE_${upper}=1)
  add_custom_command(TARGET aivm_core PRE_LINK
    COMMAND ${CMAKE_COMMAND} -DNM=${CMAKE_NM} "-DOBJECTS=$<TARGET_OBJECTS:aivm_isa_${name}>" -DISA=${name}
            -P ${CMAKE_CURRENT_SOURCE_DIR}/cmake/CheckIsaSymbols.cmake
    VERBATIM)
endfunction()
