# OpenVINO with its front end for PyTorch, by its own package, searched for in this order: OpenVINO_DIR, CMAKE_PREFIX_PATH,
# the system, this project's .deps/venv, the openvino that python3 imports.

set(torchdeploy_openvino_components Runtime PyTorch ONNX)
find_package(OpenVINO QUIET GLOBAL COMPONENTS ${torchdeploy_openvino_components})
if(NOT OpenVINO_FOUND)
  foreach(python IN ITEMS ${CMAKE_CURRENT_LIST_DIR}/../.deps/venv/bin/python python3)
    execute_process(
      COMMAND ${python} -c "import importlib.util as u; print(u.find_spec('openvino').submodule_search_locations[0])"
      OUTPUT_VARIABLE root OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(root)
      find_package(OpenVINO QUIET GLOBAL COMPONENTS ${torchdeploy_openvino_components} PATHS ${root}/cmake NO_DEFAULT_PATH)
    endif()
    if(OpenVINO_FOUND)
      break()
    endif()
  endforeach()
endif()
