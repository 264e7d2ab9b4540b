#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

namespace torchdeploy::inline v0::detail {

/// Bytes of a file in memory, which nobody changes; copies share them.
using shared_bytes = std::shared_ptr<std::span<std::byte const> const>;

/// Those of a vector or string, which is moved and not copied.
template <class Storage>
shared_bytes shared_bytes_of(Storage storage) {
  struct holder {
    explicit holder(Storage&& given) : storage(std::move(given)), bytes(std::as_bytes(std::span(storage))) {}
    Storage storage;
    std::span<std::byte const> bytes;
  };
  auto const held = std::make_shared<holder>(std::move(storage));
  return {held, &held->bytes};
}

}  // namespace torchdeploy::inline v0::detail
