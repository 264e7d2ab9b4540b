# A file in tests/compile_fail/ must not compile, for the reason it states: under the compiler of this build and under a
# clang, the oldest supported one first. Only the compiler's front end runs, so this costs a second per file.
include_guard(GLOBAL)

set(TORCHDEPLOY_COMPILERS ${CMAKE_CXX_COMPILER})
find_program(TORCHDEPLOY_CLANG NAMES clang++-16 clang++-17 clang++-18 clang++-19 clang++)
mark_as_advanced(TORCHDEPLOY_CLANG)
if(TORCHDEPLOY_CLANG)
  list(APPEND TORCHDEPLOY_COMPILERS ${TORCHDEPLOY_CLANG})
  list(REMOVE_DUPLICATES TORCHDEPLOY_COMPILERS)
endif()

# Further arguments: LibTorch's include directories. With its headers a file costs ten seconds, so one compiler must do.
function(torchdeploy_must_not_compile source)
  cmake_path(GET source STEM stem)
  set(compilers ${TORCHDEPLOY_COMPILERS})
  if(ARGN)
    set(compilers ${CMAKE_CXX_COMPILER})
  endif()
  list(TRANSFORM ARGN PREPEND -isystem OUTPUT_VARIABLE system_includes)
  foreach(compiler IN LISTS compilers)
    cmake_path(GET compiler FILENAME compiler_name)
    add_test(
      NAME compile_fail.${stem}.${compiler_name}
      COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/cmake/compile_fail.py ${CMAKE_CURRENT_SOURCE_DIR}/${source}
              ${compiler} -I${PROJECT_SOURCE_DIR}/include ${system_includes})
    set_tests_properties(compile_fail.${stem}.${compiler_name} PROPERTIES LABELS compile_fail)
  endforeach()
endfunction()
