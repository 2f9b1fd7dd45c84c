#include "collector/ingest/mailbox.h"

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>

#include "ronda/v1/ingest.pb.h"

namespace ronda::ingest {

Mailbox::Mailbox() : alarm_(std::make_unique<grpc::Alarm>()) {}
Mailbox::~Mailbox() = default;

void Mailbox::Open(grpc::CompletionQueue* queue, void* tag) {
  MutexLock lock(&mu_);
  queue_ = queue;
  tag_ = tag;
  reader_ = std::this_thread::get_id();
}

void Mailbox::Close() {
  MutexLock lock(&mu_);
  queue_ = nullptr;
  letters_.clear();
  alarm_->Cancel();
}

void Mailbox::Post(Letter letter) {
  MutexLock lock(&mu_);
  if (queue_ == nullptr) {
    return;
  }
  letters_.push_back(std::move(letter));
  if (!ringing_ && reader_ != std::this_thread::get_id()) {
    ringing_ = true;
    alarm_->Set(queue_, gpr_now(GPR_CLOCK_MONOTONIC), tag_);
  }
}

void Mailbox::Woken() {
  MutexLock lock(&mu_);
  ringing_ = false;
}

std::vector<Mailbox::Letter> Mailbox::Take() {
  MutexLock lock(&mu_);
  return std::exchange(letters_, {});
}

}  // namespace ronda::ingest
