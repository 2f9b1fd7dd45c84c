// Finding series by their labels and times.

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "collector/store/pair_index.h"
#include "common/codec/schema_codec.h"
#include "tests/unit/collector/store/store_fixture.h"

namespace ronda::store {
namespace {

using Strings = std::vector<std::string>;

class PairMatcherTest : public ::testing::Test {
 protected:
  std::string Pick(const Strings& from) { return from[random_() % from.size()]; }

  // Labels that sources and schemas both have, or neither.
  Labels RandomLabels() {
    Labels labels;
    for (const char* name : {"env", "mode", "node", "zone"}) {
      labels.Set(name, Pick({"", "a", "b", "ab"}));
    }
    return labels;
  }
  SourceSchema RandomPair(int64_t id) {
    SourceRow row;
    row.node_name = Pick({"a", "b", "web1", "web2"});
    row.group = {"host", Pick({"node", "postgres"}), Pick({"", "a"})};
    row.node_labels = RandomLabels();
    auto schema = std::make_shared<Schema>();
    for (uint32_t i = 0; i < 4; ++i) {
      schema->metrics.push_back({"m" + std::to_string(i % 3), MetricType::kGauge, "", ""});
      schema->series.push_back({i, RandomLabels()});
    }
    const SchemaHash hash = codec::HashSchema(*schema);
    return {NewSourceEntry(id, row), NewSchemaEntry(id, hash, schema)};
  }
  Matcher RandomMatcher() {
    const auto type = static_cast<Matcher::Type>(random_() % 4);
    return *Matcher::New(type, Pick({"__name__", "env", "mode", "zone", "node", "job", "none"}),
                         Pick({"", "a", "b", "web1", "m1", "node", "a|web.*", "m[01]", ".*"}));
  }

  std::mt19937 random_{20261120};
};

TEST_F(PairMatcherTest, FindsWhatMatchingEachLabelSetFinds) {
  std::vector<SourceSchema> pairs;
  for (int64_t id = 1; id <= 200; ++id) {
    pairs.push_back(RandomPair(id));
    // Pairs that share their schema.
    pairs.push_back({RandomPair(id).source, pairs[random_() % pairs.size()].schema});
  }
  size_t found = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<Matcher> matchers;
    std::string text;
    for (size_t i = random_() % 4; i > 0; --i) {
      matchers.push_back(RandomMatcher());
      text += matchers.back().ToString() + " ";
    }
    PairMatcher matcher(matchers);
    for (const SourceSchema& pair : pairs) {
      std::vector<uint32_t> want;
      for (uint32_t i = 0; i < pair.schema->schema->series.size(); ++i) {
        if (MatchesAll(SeriesLabels(*pair.source, *pair.schema, i), matchers)) {
          want.push_back(i);
        }
      }
      const SeriesList got = matcher.Match(pair);
      ASSERT_EQ(got == nullptr ? std::vector<uint32_t>() : *got, want) << text;
      found += want.size();
      if (!want.empty() && matcher.node() != nullptr) {
        ASSERT_EQ(pair.source->row.node_name, *matcher.node());
      }
    }
  }
  EXPECT_GT(found, 10'000u);
}

class IndexTest : public StoreTest {
 protected:
  // A node with one tick of the schema, in an epoch of its own.
  void AddNode(const std::string& name, const std::string& rack, int64_t tick,
               const std::shared_ptr<const Schema>& schema) {
    NodeInfo node;
    node.name = name;
    node.labels.Set("rack", rack);
    Batch batch;
    ASSERT_OK_AND_ASSIGN(batch.node, store_->PutNode(node));
    ASSERT_OK(store_->AddSchema(schema));
    batch.epoch = {++epochs_, kT0};
    FrameMaker maker(1, {"host", "node", ""});
    maker.StartRun(schema);
    batch.frames.push_back(
        maker.Make(1, kT0 + tick * 1000, std::vector<double>(schema->series.size(), 1)));
    ASSERT_OK(store_->Append(std::move(batch)));
  }
  void AddFleet() {
    AddNode("web1", "r1", 0, GaugeSchema(3));
    AddNode("web2", "r2", 0, GaugeSchema(3));
    AddNode("db1", "r2", 100, GaugeSchema(4, "x"));
  }
  void Compact() {
    ASSERT_OK(store_->Flush(5000));
    clock_.Advance(options_.seal_after_ms);
    ASSERT_OK(store_->SealNow());
    ASSERT_OK(store_->CompactNow());
  }
  Strings Names(std::vector<Matcher> matchers, int64_t start = 0, int64_t end = kForever) {
    const auto names = store_->LabelNames(matchers, start, end);
    EXPECT_OK(names.status());
    return names.value_or(Strings());
  }
  Strings Values(std::string_view name, std::vector<Matcher> matchers, int64_t start = 0,
                 int64_t end = kForever) {
    const auto values = store_->LabelValues(name, matchers, start, end);
    EXPECT_OK(values.status());
    return values.value_or(Strings());
  }
  // What Series() gives must have exactly these names and values.
  void ExpectAsSeries(const std::vector<Matcher>& matchers) {
    ASSERT_OK_AND_ASSIGN(const std::vector<Labels> all, store_->Series(matchers, 0, kForever));
    std::map<std::string, std::set<std::string>> want;
    for (const Labels& labels : all) {
      for (const Label& label : labels.all()) {
        want[label.name].insert(label.value);
      }
    }
    Strings names;
    for (const auto& [name, values] : want) {
      names.push_back(name);
      EXPECT_EQ(Values(name, matchers), Strings(values.begin(), values.end())) << name;
    }
    EXPECT_FALSE(names.empty());
    EXPECT_EQ(Names(matchers), names);
  }

  uint64_t epochs_ = 100;
};

TEST_F(IndexTest, LabelNamesAndValuesAreThoseOfTheSeries) {
  Open();
  AddFleet();
  // In the head, then in a file, then in both.
  for (int state = 0; state < 3; ++state) {
    ExpectAsSeries({Matcher::Equal("job", "node")});
    ExpectAsSeries({Matcher::Equal("node", "db1")});
    ExpectAsSeries({Matcher::Equal("rack", "r2"), Matcher::Equal("__name__", "m1")});
    ExpectAsSeries({*Matcher::New(Matcher::Type::kNotEqual, "salt", "x")});
    if (state == 0) {
      Compact();
    } else {
      AddNode("web3", "r3", 1000, GaugeSchema(1, "y"));
    }
  }
  EXPECT_EQ(Values("node", {}), (Strings{"db1", "web1", "web2", "web3"}));
  EXPECT_EQ(Values("salt", {}), (Strings{"x", "y"}));
  EXPECT_EQ(Values("none", {}), Strings());
  EXPECT_EQ(Names({Matcher::Equal("node", "none")}), Strings());
}

TEST_F(IndexTest, WhatEndedBeforeTheWindowIsNotFound) {
  Open();
  AddFleet();
  const int64_t later = kT0 + 50'000;
  const std::vector<Matcher> metric = {Matcher::Equal("__name__", "m1")};
  for (int state = 0; state < 3; ++state) {
    EXPECT_EQ(Values("node", metric, later), Strings{"db1"});
    EXPECT_EQ(Values("node", metric, 0, later), (Strings{"web1", "web2"}));
    EXPECT_EQ(Values("node", metric, later, later + 1000), Strings());
    EXPECT_EQ(Select(*store_, metric, later).size(), 1u);
    EXPECT_EQ(Select(*store_, metric, 0, later).size(), 2u);
    if (state == 0) {
      Compact();
    } else {
      Reopen();
    }
  }
  // A node that comes back is found again.
  AddNode("web1", "r1", 200, GaugeSchema(3));
  EXPECT_EQ(Values("node", metric, later), (Strings{"db1", "web1"}));
  EXPECT_EQ(Select(*store_, metric, later).size(), 2u);
}

TEST_F(IndexTest, SamplesThatOnlyTheJournalHasAreFoundAfterAKill) {
  Open();
  AddNode("web1", "r1", 0, GaugeSchema(3));
  AddNode("web1", "r1", 100, GaugeSchema(4, "x"));
  ASSERT_OK(store_->Flush(5000));
  Reopen();
  const std::vector<Matcher> node = {Matcher::Equal("node", "web1")};
  EXPECT_EQ(Values("__name__", node, kT0 + 50'000), (Strings{"m0", "m1", "m2", "m3"}));
  EXPECT_EQ(Select(*store_, node, kT0 + 100'000).size(), 4u);
  EXPECT_EQ(Select(*store_, node, 0, kT0 + 50'000).size(), 3u);
}

TEST_F(IndexTest, ManyNodesAreReadInSeveralMoments) {
  Open();
  constexpr int kNodes = 250;
  for (int i = 0; i < kNodes; ++i) {
    AddNode("n" + std::to_string(i), "r1", i, GaugeSchema(2));
    if (i == 120) {
      Compact();
    }
  }
  const auto all = Select(*store_, {Matcher::Equal("__name__", "m1")});
  ASSERT_EQ(all.size(), static_cast<size_t>(kNodes));
  int64_t sum = 0;
  for (const auto& [labels, samples] : all) {
    ASSERT_EQ(samples.size(), 1u);
    const std::string node(labels.Get("node"));
    EXPECT_EQ(samples[0].first, kT0 + std::stoll(node.substr(1)) * 1000);
    sum += samples[0].first - kT0;
  }
  EXPECT_EQ(sum, int64_t{kNodes} * (kNodes - 1) / 2 * 1000);
}

}  // namespace
}  // namespace ronda::store
