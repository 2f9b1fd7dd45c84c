#include "agent/stream/hello.h"

#include <gtest/gtest.h>

#include "ronda/v1/ingest.pb.h"
#include "tests/unit/agent/spool/producer.h"

namespace ronda::agent {
namespace {

TEST(HelloTest, SaysWhoItIsAndWhatItKeeps) {
  RunQueue::Options queue_options;
  queue_options.epoch = {77, 5'000};
  RunQueue queue(queue_options);
  queue.AddStopped({{44, 4'500}});
  StreamOptions options;
  options.node = "web1";
  options.boot_id = "boot";
  options.machine_id = "machine";
  options.version = "1.2";
  options.labels = Labels({{"role", "web"}, {"env", "test"}});

  v1::Hello hello;
  EXPECT_EQ(FillHello(options, queue, 9'000, &hello), 77u);
  EXPECT_EQ(hello.epoch(), 77u);
  EXPECT_EQ(hello.epoch_started_ms(), 5'000);
  EXPECT_EQ(hello.node(), "web1");
  EXPECT_EQ(hello.boot_id(), "boot");
  EXPECT_EQ(hello.machine_id(), "machine");
  EXPECT_EQ(hello.agent_version(), "1.2");
  EXPECT_EQ(hello.now_ms(), 9'000);
  EXPECT_LE(hello.versions().min(), hello.versions().max());
  ASSERT_EQ(hello.labels_size(), 2);
  EXPECT_EQ(hello.labels(0).name(), "env");
  EXPECT_EQ(hello.labels(0).value(), "test");
  ASSERT_EQ(hello.kept_size(), 1);
  EXPECT_EQ(hello.kept(0).epoch(), 44u);
  EXPECT_EQ(hello.kept(0).started_ms(), 4'500);
  EXPECT_TRUE(hello.kept(0).stopped());
}

TEST(HelloTest, ReadsWhatTheCollectorHolds) {
  v1::Welcome welcome;
  const auto add = [](auto* to, uint64_t first, uint64_t last) {
    to->set_first(first);
    to->set_last(last);
  };
  add(welcome.add_held(), 1, 10);
  add(welcome.add_held(), 20, 21);
  v1::HeldEpoch* const earlier = welcome.add_held_kept();
  earlier->set_epoch(44);
  add(earlier->add_held(), 5, 5);

  const std::vector<RunQueue::Held> held = HeldBy(welcome);
  ASSERT_EQ(held.size(), 2u);
  EXPECT_EQ(held[0].epoch, 0u);
  EXPECT_EQ(held[0].seqs.count(), 12u);
  EXPECT_EQ(held[1].epoch, 44u);
  EXPECT_EQ(held[1].seqs.count(), 1u);
  EXPECT_EQ(ToRanges(welcome.held())[1].first, 20u);
}

// One of an earlier version does not say so.
TEST(HelloTest, KeptEpochsAreForThoseWhoTakeThem) {
  v1::Welcome welcome;
  welcome.add_capabilities("something else");
  EXPECT_FALSE(TakesKeptEpochs(welcome));
  welcome.add_capabilities("epochs");
  EXPECT_TRUE(TakesKeptEpochs(welcome));
}

// A collector that holds nothing still names the present epoch.
TEST(HelloTest, NothingIsHeldByACollectorThatSaysNothing) {
  const std::vector<RunQueue::Held> held = HeldBy(v1::Welcome());
  ASSERT_EQ(held.size(), 1u);
  EXPECT_EQ(held[0].seqs.count(), 0u);
}

}  // namespace
}  // namespace ronda::agent
