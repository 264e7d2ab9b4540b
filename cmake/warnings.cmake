# For our own programs only: the library's target never carries flags.
include_guard(GLOBAL)
add_library(torchdeploy_warnings INTERFACE)
target_compile_options(torchdeploy_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)
