# protozero, headers only, as torchdeploy::protozero: by protozero_ROOT, CMAKE_PREFIX_PATH or the system.

if(TARGET torchdeploy::protozero)
  return()
endif()
find_path(TORCHDEPLOY_PROTOZERO_INCLUDE protozero/pbf_message.hpp HINTS ${protozero_ROOT} PATH_SUFFIXES include)
mark_as_advanced(TORCHDEPLOY_PROTOZERO_INCLUDE)
if(TORCHDEPLOY_PROTOZERO_INCLUDE)
  add_library(torchdeploy::protozero INTERFACE IMPORTED GLOBAL)
  target_include_directories(torchdeploy::protozero INTERFACE ${TORCHDEPLOY_PROTOZERO_INCLUDE})
endif()
