#pragma once

/// The machinery: no LibTorch in here, so that it costs 0.15 s to include and a test of it 0.2 s.
#include <torchdeploy/core/artifact.hpp>
#include <torchdeploy/core/error.hpp>
#include <torchdeploy/core/facts.hpp>
#include <torchdeploy/core/number_text.hpp>
#include <torchdeploy/core/pipe.hpp>
#include <torchdeploy/core/recipe.hpp>
#include <torchdeploy/core/report.hpp>
#include <torchdeploy/core/report_text.hpp>
#include <torchdeploy/core/stage.hpp>
#include <torchdeploy/core/verdict.hpp>
