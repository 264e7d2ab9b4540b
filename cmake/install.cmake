include(CMakePackageConfigHelpers)
include(GNUInstallDirs)
set(package ${CMAKE_INSTALL_DATADIR}/cmake/torchdeploy)

install(TARGETS torchdeploy EXPORT torchdeploy-targets FILE_SET HEADERS)
install(EXPORT torchdeploy-targets NAMESPACE torchdeploy:: DESTINATION ${package})
if(TORCHDEPLOY_WITH_JSON) # an export set of its own: who doesn't ask for it needs no nlohmann-json
  install(TARGETS torchdeploy_json EXPORT torchdeploy-json-targets FILE_SET HEADERS)
  install(EXPORT torchdeploy-json-targets NAMESPACE torchdeploy:: DESTINATION ${package})
endif()
configure_package_config_file(cmake/torchdeploy-config.cmake.in torchdeploy-config.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(
  torchdeploy-config-version.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(
  FILES ${CMAKE_CURRENT_BINARY_DIR}/torchdeploy-config.cmake
        ${CMAKE_CURRENT_BINARY_DIR}/torchdeploy-config-version.cmake cmake/find_libtorch.cmake
  DESTINATION ${package})
