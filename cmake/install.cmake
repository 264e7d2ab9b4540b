include(CMakePackageConfigHelpers)
include(GNUInstallDirs)
set(package ${CMAKE_INSTALL_DATADIR}/cmake/torchdeploy)

install(TARGETS torchdeploy EXPORT torchdeploy-targets FILE_SET HEADERS)
install(EXPORT torchdeploy-targets NAMESPACE torchdeploy:: DESTINATION ${package})
foreach(component IN LISTS components) # an export set for each: who doesn't ask for it needs no library of its
  string(REPLACE torchdeploy_ "" name ${component})
  install(TARGETS ${component} EXPORT torchdeploy-${name}-targets)
  install(EXPORT torchdeploy-${name}-targets NAMESPACE torchdeploy:: DESTINATION ${package})
endforeach()
configure_package_config_file(cmake/torchdeploy-config.cmake.in torchdeploy-config.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(
  torchdeploy-config-version.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(
  FILES ${CMAKE_CURRENT_BINARY_DIR}/torchdeploy-config.cmake
        ${CMAKE_CURRENT_BINARY_DIR}/torchdeploy-config-version.cmake cmake/find_libtorch.cmake
        cmake/find_protozero.cmake cmake/find_openvino.cmake cmake/find_onnxruntime.cmake
  DESTINATION ${package})
