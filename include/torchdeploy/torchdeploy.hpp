#pragma once

/// torchdeploy: from a trained PyTorch model to production, without Python.
///
///     namespace td = torchdeploy;
///     auto model = td::load<td::TorchScript>("model.pt") | td::quantize<td::Int8>(samples) | td::prune<td::L1>(0.3)
///                | td::verify(reference) | td::save("model_int8.pt");
///
/// docs/vocabulary.md explains the words, docs/stages.md the stages.
#include <torchdeploy/backends.hpp>
#include <torchdeploy/components.hpp>
#include <torchdeploy/core.hpp>
#include <torchdeploy/formats.hpp>
#include <torchdeploy/reports.hpp>
#include <torchdeploy/stages.hpp>
#include <torchdeploy/version.hpp>
