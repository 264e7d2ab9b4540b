// A stage written outside, as a user would: it opens no namespace of the library, specialises nothing, registers nothing.
#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/core.hpp>

#include "support/catch.hpp"

namespace td = torchdeploy;

namespace acme {

/// A format of her own: rows of numbers and how often each is looked up.
struct Table {
  using handle = std::vector<std::vector<double>>;
  using example = std::size_t;
};

struct sorted {};  // a fact of her own

struct sort_rows : td::stage<sort_rows> {
  using consumes = Table;
  using forbids = td::facts<td::frozen>;
  using adds = td::facts<sorted>;
  static constexpr auto name = "acme::sort_rows";

  auto run(Table::handle rows, td::record<Table>& record) const {
    record.report.current().details.emplace_back("rows", std::to_string(rows.size()));
    std::sort(rows.begin(), rows.end());
    return rows;
  }
};

/// A stage with a parameter, and an object that makes it: `drop_below(0.5)`.
struct drop_below_t : td::stage<drop_below_t> {
  using consumes = Table;
  using needs = td::facts<sorted>;
  using adds = td::facts<td::pruned>;
  double least;
  constexpr explicit drop_below_t(double l) : least(l) {}

  auto run(Table::handle rows) const {
    std::erase_if(rows, [this](auto const& row) { return row.front() < least; });
    return rows;
  }
};
struct drop_below_maker : td::stage_maker {
  constexpr auto operator()(double least) const { return drop_below_t(least); }
};
inline constexpr drop_below_maker drop_below{};

/// Works on every format, and on the whole artifact.
struct count_examples : td::stage<count_examples> {
  using consumes = td::any_format;
  using drops = td::facts<>;
  std::size_t* count;
  explicit count_examples(std::size_t& c) : count(&c) {}

  template <td::any_artifact A>
  A apply(A&& a) const {
    *count = a.examples().size();
    return std::forward<A>(a);
  }
};

using table = td::artifact<Table>;
inline table read() { return table({{3, 0.5}, {1, 2}, {2, 0.1}}); }

}  // namespace acme

TEST_CASE("a stage from another namespace pipes, composes and is reported as the library's own") {
  auto model = acme::read() | acme::sort_rows{} | acme::drop_below(1.5);
  CHECK(model.handle() == acme::Table::handle{{2, 0.1}, {3, 0.5}});
  CHECK(std::is_same_v<decltype(model)::known, td::facts<acme::sorted, td::pruned>>);

  REQUIRE(model.report().stages().size() == 2);
  CHECK(model.report().stages()[0].stage == "acme::sort_rows");
  CHECK(model.report().stages()[0].detail("rows") == "3");
  CHECK(model.report().stages()[1].stage == "acme::drop_below_t");

  constexpr auto recipe = acme::sort_rows{} | acme::drop_below(2.5);
  CHECK(recipe(acme::read()).handle() == acme::Table::handle{{3, 0.5}});
}

TEST_CASE("a stage from another namespace is judged as the library's own") {
  using acme::table, acme::drop_below_t, acme::sort_rows;
  CHECK(std::is_same_v<td::verdict<table, drop_below_t>, td::the_artifact_must_first_be<acme::sorted>>);
  CHECK(std::is_same_v<td::verdict<td::artifact<acme::Table, td::facts<td::frozen>>, sort_rows>,
                       td::too_late_the_artifact_is_already<td::frozen>>);
  CHECK(std::is_same_v<td::verdict<table, decltype(acme::drop_below)>, td::call_the_stage_maker_with_parentheses>);
  CHECK(td::follows<drop_below_t, sort_rows>);
}

TEST_CASE("a stage from another namespace may take every format, and the artifact as it is") {
  td::record<acme::Table> record;
  record.add_example(5);
  std::size_t count = 0;
  auto model = acme::table({}, std::move(record)) | acme::count_examples(count) | acme::sort_rows{};
  CHECK(count == 1);
  CHECK(model.report().stages().size() == 1);
}
