#pragma once

/// The one place that states the version: CMake, the single header's banner and the tests read it here.
#define TORCHDEPLOY_VERSION_MAJOR 0
#define TORCHDEPLOY_VERSION_MINOR 1
#define TORCHDEPLOY_VERSION_PATCH 0

#define TORCHDEPLOY_VERSION_TEXT_OF(major, minor, patch) #major "." #minor "." #patch
#define TORCHDEPLOY_VERSION_TEXT(...) TORCHDEPLOY_VERSION_TEXT_OF(__VA_ARGS__)

namespace torchdeploy::inline v0 {
/// "major.minor.patch"
inline constexpr char version[] =
    TORCHDEPLOY_VERSION_TEXT(TORCHDEPLOY_VERSION_MAJOR, TORCHDEPLOY_VERSION_MINOR, TORCHDEPLOY_VERSION_PATCH);
}  // namespace torchdeploy::inline v0

#undef TORCHDEPLOY_VERSION_TEXT
#undef TORCHDEPLOY_VERSION_TEXT_OF
