#pragma once

/// The vocabulary in one page: every public name of core/, declared. docs/vocabulary.md explains the words.
namespace torchdeploy::inline v0 {

struct TorchScript;  ///< format: a scripted or traced module, `torch::jit::save`'s file
struct MobileLite;   ///< format: a module of LibTorch's lite interpreter, a .ptl file

template <class... Facts>
struct facts;  ///< what the compiler knows of a model, as a list of tags
template <class Format, class Facts>
class artifact;  ///< a model and what is known of it
template <class Format>
struct record;  ///< what travels with the model: examples and report
template <class Derived>
struct stage;  ///< one step of a pipeline
template <class First, class Second>
struct recipe;  ///< steps composed into a value, to run later
class report;  ///< what each step did
class error;   ///< what went wrong

}  // namespace torchdeploy::inline v0
