#pragma once

/// The one place that states the version: CMake, the single header's banner and the tests read it here.
#define TORCHDEPLOY_VERSION_MAJOR 0
#define TORCHDEPLOY_VERSION_MINOR 1
#define TORCHDEPLOY_VERSION_PATCH 0
