# LibTorch as one imported target, torchdeploy::libtorch, searched for in this order: Torch_DIR, CMAKE_PREFIX_PATH, this
# project's .deps/venv, the torch that python3 imports, the system.
#
# TorchConfig.cmake is found but not run: for a CUDA build it demands the CUDA toolkit, which linking doesn't need.

if(TARGET torchdeploy::libtorch)
  return()
endif()

function(torchdeploy_torch_of python result)
  execute_process(
    COMMAND ${python} -c "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])"
    OUTPUT_VARIABLE root OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  set(${result} ${root} PARENT_SCOPE)
endfunction()

if(NOT Torch_DIR)
  torchdeploy_torch_of(${CMAKE_CURRENT_LIST_DIR}/../.deps/venv/bin/python torch_of_venv)
  torchdeploy_torch_of(python3 torch_of_python)
  string(REPLACE ":" ";" prefixes_of_environment "$ENV{CMAKE_PREFIX_PATH}")
  find_path(
    Torch_DIR TorchConfig.cmake
    DOC "The folder of LibTorch's TorchConfig.cmake"
    PATHS $ENV{Torch_DIR} ${CMAKE_PREFIX_PATH} ${prefixes_of_environment} ${torch_of_venv} ${torch_of_python}
          ${CMAKE_SYSTEM_PREFIX_PATH}
    PATH_SUFFIXES Torch share/cmake/Torch lib/cmake/Torch
    NO_DEFAULT_PATH)
endif()
if(NOT Torch_DIR)
  return()
endif()

cmake_path(SET torch_root NORMALIZE "${Torch_DIR}/../../..")
foreach(library torch torch_cpu c10)
  find_library(TORCHDEPLOY_${library}_LIBRARY ${library} HINTS ${torch_root}/lib REQUIRED)
  mark_as_advanced(TORCHDEPLOY_${library}_LIBRARY)
endforeach()
add_library(torchdeploy::libtorch INTERFACE IMPORTED GLOBAL)
target_include_directories(
  torchdeploy::libtorch INTERFACE ${torch_root}/include ${torch_root}/include/torch/csrc/api/include)
# libtorch.so has no symbols of its own, but it is what brings in the kernels of accelerators: keep it
target_link_libraries(
  torchdeploy::libtorch
  INTERFACE "$<$<PLATFORM_ID:Linux>:-Wl,--push-state,--no-as-needed,${TORCHDEPLOY_torch_LIBRARY},--pop-state>"
            ${TORCHDEPLOY_torch_cpu_LIBRARY} ${TORCHDEPLOY_c10_LIBRARY})
