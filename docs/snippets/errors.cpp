#include <exception>
#include <iostream>
#include <string_view>

#include <torchdeploy/torchdeploy.hpp>

namespace td = torchdeploy;

int main() {
  // [begin]
  try {
    auto model = td::load<td::TorchScript>("examples/data/digits_cnn.pt");
    auto const session = std::move(model) | td::deploy<td::LibTorch>();
    session(at::ones({1, 3, 8, 8}));  // the model takes one channel
  } catch (td::backend_error const& failure) {
    std::cout << failure.what() << '\n';
    std::cout << "look up " << failure.id() << ", thrown by " << failure.stage() << '\n';
    try {
      std::rethrow_if_nested(failure);
    } catch (std::exception const& original) {
      std::string_view const text = original.what();  // a kilobyte or more
      std::cout << "LibTorch: " << text.substr(0, text.find('\n')) << '\n';
    }
  }

  try {
    auto const model = td::load<td::TorchScript>("no_such_model.pt");
  } catch (td::error const& failure) {  // the base of all of them
    std::cout << failure.what() << '\n' << "hint: " << failure.hint() << '\n';
  }
  // [end]
}
