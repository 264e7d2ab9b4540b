# ONNX Runtime as one imported target, torchdeploy::onnxruntime_library: by ONNXRUNTIME_ROOT (a folder with include/ and
# lib/), by its own package, or in this project's .deps/onnxruntime.
#
# The packages of Python have the library without headers; Debian's have both.

if(TARGET torchdeploy::onnxruntime_library)
  return()
endif()

if(NOT ONNXRUNTIME_ROOT AND NOT DEFINED ENV{ONNXRUNTIME_ROOT})
  find_package(onnxruntime QUIET CONFIG GLOBAL)
  if(TARGET onnxruntime::onnxruntime)
    add_library(torchdeploy::onnxruntime_library INTERFACE IMPORTED GLOBAL)
    target_link_libraries(torchdeploy::onnxruntime_library INTERFACE onnxruntime::onnxruntime)
    return()
  endif()
endif()

set(torchdeploy_onnxruntime_places ${ONNXRUNTIME_ROOT} $ENV{ONNXRUNTIME_ROOT} ${CMAKE_CURRENT_LIST_DIR}/../.deps/onnxruntime)
find_path(
  TORCHDEPLOY_ONNXRUNTIME_INCLUDE onnxruntime_cxx_api.h
  HINTS ${torchdeploy_onnxruntime_places} PATH_SUFFIXES include include/onnxruntime include/onnxruntime/core/session)
find_library(TORCHDEPLOY_ONNXRUNTIME_LIBRARY onnxruntime HINTS ${torchdeploy_onnxruntime_places} PATH_SUFFIXES lib lib64)
mark_as_advanced(TORCHDEPLOY_ONNXRUNTIME_INCLUDE TORCHDEPLOY_ONNXRUNTIME_LIBRARY)
if(TORCHDEPLOY_ONNXRUNTIME_INCLUDE AND TORCHDEPLOY_ONNXRUNTIME_LIBRARY)
  add_library(torchdeploy::onnxruntime_library INTERFACE IMPORTED GLOBAL)
  target_include_directories(torchdeploy::onnxruntime_library INTERFACE ${TORCHDEPLOY_ONNXRUNTIME_INCLUDE})
  target_link_libraries(torchdeploy::onnxruntime_library INTERFACE ${TORCHDEPLOY_ONNXRUNTIME_LIBRARY})
endif()
