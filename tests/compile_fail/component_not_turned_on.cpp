// A backend of the library that is a component says which one to turn on. Its formats need not be there.
// expect: turn_on_the_cmake_component<Elsewhere>
#include <torchdeploy/backend/backend.hpp>

#include "../support/toy.hpp"

struct NoSuchFormat;
struct Elsewhere {
  using consumes = td::one_of<toy::Graph, NoSuchFormat>;
  static constexpr bool available = false;
  static constexpr bool is_component = true;
  struct options {
    int streams = 1;
  };
};
struct Here {
  using consumes = toy::Graph;
  static constexpr bool available = true;
  struct options {};
  static auto compile(toy::net const&, td::record<toy::Graph> const&, options const&) {
    return [] { return 1; };
  }
};

#ifdef GOOD_TWIN
auto session = toy::open("m.pt") | td::deploy<td::first_available<Elsewhere, Here>>();
#else
auto session = toy::open("m.pt") | td::deploy<Elsewhere>({.streams = 2});
#endif
