# single_include/ as a library, for the same tests: every other header of include/ becomes a line that includes it.
set(forwarding ${CMAKE_CURRENT_BINARY_DIR}/single_header)
file(GLOB_RECURSE headers RELATIVE ${PROJECT_SOURCE_DIR}/include CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/*.hpp)
list(REMOVE_ITEM headers torchdeploy/torchdeploy.hpp)
foreach(header IN LISTS headers)
  file(CONFIGURE OUTPUT ${forwarding}/${header} CONTENT "#include <torchdeploy/torchdeploy.hpp>\n")
endforeach()

add_library(single_header INTERFACE)
target_compile_features(single_header INTERFACE cxx_std_20)
target_include_directories(single_header INTERFACE ${PROJECT_SOURCE_DIR}/single_include ${forwarding})
target_link_libraries(single_header INTERFACE torchdeploy::libtorch range-v3::range-v3)
foreach(component IN LISTS components) # their macros and libraries, without their headers
  get_target_property(macros ${component} INTERFACE_COMPILE_DEFINITIONS)
  get_target_property(libraries ${component} INTERFACE_LINK_LIBRARIES)
  list(FILTER libraries EXCLUDE REGEX "^torchdeploy($|_)")
  target_compile_definitions(single_header INTERFACE ${macros})
  target_link_libraries(single_header INTERFACE ${libraries})
endforeach()
