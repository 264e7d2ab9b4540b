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
