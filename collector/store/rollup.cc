#include "collector/store/rollup.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "common/base/status.h"
#include "common/codec/column.h"
#include "common/codec/varint.h"
#include "common/model/sample.h"

namespace ronda::store {
namespace {

// On disk: do not change the numbers.
constexpr uint8_t kCounter = 1;  // resets instead of sum, min and max
constexpr uint8_t kFlat = 2;     // all samples of a bucket are equal: only `first` is there
constexpr uint8_t kStale = 4;    // flags of the buckets that are stale at their end

absl::Status Damaged(std::string_view what) {
  return Fail(absl::StatusCode::kDataLoss, "a roll-up with {}", what);
}

uint64_t Bits(double v) { return std::bit_cast<uint64_t>(v); }

// Neumaier's sum: the rounding errors are added up apart.
class CompensatedSum {
 public:
  void Add(double v) {
    const double next = sum_ + v;
    if (std::isfinite(next)) {
      lost_ += std::fabs(sum_) >= std::fabs(v) ? (sum_ - next) + v : (v - next) + sum_;
    }
    sum_ = next;
  }
  double value() const { return std::isfinite(sum_) ? sum_ + lost_ : sum_; }

 private:
  double sum_ = 0;
  double lost_ = 0;
};

int64_t EndOf(int64_t t_ms, int64_t resolution_ms) {
  const int64_t rest = t_ms % resolution_ms;
  return rest == 0 ? t_ms : t_ms - rest + (rest > 0 ? resolution_ms : 0);
}

Bucket MakeBucket(std::span<const int64_t> t_ms, std::span<const double> values, bool is_counter) {
  Bucket out;
  CompensatedSum sum;
  CompensatedSum resets;
  double min = std::numeric_limits<double>::quiet_NaN();
  double max = min;
  for (size_t i = 0; i < t_ms.size(); ++i) {
    const double v = values[i];
    out.stale_at_end = IsStale(v);
    if (out.stale_at_end) {
      continue;
    }
    if (out.count == 0) {
      out.first_ms = t_ms[i];
      out.first = v;
    } else if (is_counter && v < out.last) {
      resets.Add(out.last);
    }
    ++out.count;
    out.last_ms = t_ms[i];
    out.last = v;
    sum.Add(v);
    min = std::isnan(min) || v < min ? v : min;
    max = std::isnan(max) || v > max ? v : max;
  }
  if (is_counter) {
    out.resets = resets.value();
  } else {
    out.sum = sum.value();
    out.min = min;
    out.max = max;
  }
  return out;
}

// A flat bucket's sum, by the way that MakeBucket takes.
double SumOfEqual(double v, int64_t count) {
  CompensatedSum sum;
  for (int64_t i = 0; i < count; ++i) {
    sum.Add(v);
  }
  return sum.value();
}

bool IsFlat(const Bucket& b, bool is_counter) {
  const uint64_t v = Bits(b.first);
  return Bits(b.last) == v && (is_counter ? Bits(b.resets) == 0
                                          : Bits(b.min) == v && Bits(b.max) == v &&
                                                Bits(b.sum) == Bits(SumOfEqual(b.first, b.count)));
}

template <typename Field>
void PutInts(std::span<const Bucket> buckets, Field field, std::string* out) {
  std::vector<int64_t> column;
  for (const Bucket& b : buckets) {
    column.push_back(field(b));
  }
  std::string bytes;
  codec::EncodeIntColumn(column, &bytes);
  codec::PutBytes(out, bytes);
}

void PutValues(std::span<const Bucket> buckets, double Bucket::*field, std::string* out) {
  std::vector<double> column;
  for (const Bucket& b : buckets) {
    column.push_back(b.*field);
  }
  std::string bytes;
  codec::EncodeColumn(column, &bytes);
  codec::PutBytes(out, bytes);
}

absl::Status ReadValues(codec::ByteReader* in, double Bucket::*field,
                        std::vector<Bucket>* buckets) {
  std::vector<double> column(buckets->size());
  RONDA_RETURN_IF_ERROR(codec::DecodeColumn(in->Bytes(), column));
  for (size_t i = 0; i < column.size(); ++i) {
    (*buckets)[i].*field = column[i];
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<int64_t>> ReadInts(codec::ByteReader* in, size_t n) {
  std::vector<int64_t> column(n);
  RONDA_RETURN_IF_ERROR(codec::DecodeIntColumn(in->Bytes(), column));
  return column;
}

}  // namespace

std::vector<Bucket> MakeBuckets(std::span<const int64_t> t_ms, std::span<const double> values,
                                int64_t resolution_ms, bool is_counter) {
  std::vector<Bucket> buckets;
  for (size_t begin = 0; begin < t_ms.size();) {
    const int64_t end_ms = EndOf(t_ms[begin], resolution_ms);
    size_t end = begin;
    while (end < t_ms.size() && t_ms[end] <= end_ms) {
      ++end;
    }
    buckets.push_back(MakeBucket(t_ms.subspan(begin, end - begin),
                                 values.subspan(begin, end - begin), is_counter));
    buckets.back().end_ms = end_ms;
    begin = end;
  }
  return buckets;
}

std::string EncodeRollup(std::span<const Bucket> buckets, std::span<const int64_t> ends,
                         int64_t resolution_ms, bool is_counter) {
  uint8_t flags = (is_counter ? kCounter : 0) | kFlat;
  for (const Bucket& b : buckets) {
    flags = static_cast<uint8_t>(IsFlat(b, is_counter) ? flags : flags & ~kFlat);
    flags = static_cast<uint8_t>(b.stale_at_end ? flags | kStale : flags);
  }
  std::string out;
  out.push_back(static_cast<char>(flags));
  codec::PutVarint(&out, buckets.size());
  if (buckets.size() != ends.size()) {
    size_t at = 0;
    PutInts(
        buckets,
        [&](const Bucket& b) {
          while (ends[at] != b.end_ms) {
            ++at;
          }
          return static_cast<int64_t>(at);
        },
        &out);
  }
  PutInts(
      buckets, [](const Bucket& b) { return b.count; }, &out);
  PutInts(
      buckets,
      [&](const Bucket& b) { return b.count == 0 ? 0 : b.first_ms - (b.end_ms - resolution_ms); },
      &out);
  PutInts(
      buckets, [](const Bucket& b) { return b.count == 0 ? 0 : b.end_ms - b.last_ms; }, &out);
  codec::PutSigned(&out, resolution_ms);
  if ((flags & kStale) != 0) {
    PutInts(
        buckets, [](const Bucket& b) { return b.stale_at_end ? 1 : 0; }, &out);
  }
  PutValues(buckets, &Bucket::first, &out);
  if ((flags & kFlat) != 0) {
    return out;
  }
  PutValues(buckets, &Bucket::last, &out);
  if (is_counter) {
    PutValues(buckets, &Bucket::resets, &out);
  } else {
    PutValues(buckets, &Bucket::sum, &out);
    PutValues(buckets, &Bucket::min, &out);
    PutValues(buckets, &Bucket::max, &out);
  }
  return out;
}

absl::StatusOr<std::vector<Bucket>> DecodeRollup(std::string_view body,
                                                 std::span<const int64_t> ends) {
  codec::ByteReader in(body);
  const uint8_t flags = in.U8();
  const uint64_t n = in.Varint();
  if (!in.ok() || flags > (kCounter | kFlat | kStale) || n > ends.size()) {
    return Damaged("a bad head");
  }
  std::vector<Bucket> buckets(n);
  if (n == ends.size()) {
    for (size_t i = 0; i < n; ++i) {
      buckets[i].end_ms = ends[i];
    }
  } else {
    RONDA_ASSIGN_OR_RETURN(const std::vector<int64_t> at, ReadInts(&in, n));
    for (size_t i = 0; i < n; ++i) {
      if (at[i] < 0 || at[i] >= static_cast<int64_t>(ends.size()) ||
          (i > 0 && at[i] <= at[i - 1])) {
        return Damaged("a bucket out of place");
      }
      buckets[i].end_ms = ends[static_cast<size_t>(at[i])];
    }
  }
  RONDA_ASSIGN_OR_RETURN(const std::vector<int64_t> counts, ReadInts(&in, n));
  RONDA_ASSIGN_OR_RETURN(const std::vector<int64_t> after, ReadInts(&in, n));
  RONDA_ASSIGN_OR_RETURN(const std::vector<int64_t> before, ReadInts(&in, n));
  const int64_t resolution_ms = in.Signed();
  std::vector<int64_t> stale(n);
  if ((flags & kStale) != 0) {
    RONDA_ASSIGN_OR_RETURN(stale, ReadInts(&in, n));
  }
  RONDA_RETURN_IF_ERROR(ReadValues(&in, &Bucket::first, &buckets));
  const bool flat = (flags & kFlat) != 0;
  if (!flat) {
    RONDA_RETURN_IF_ERROR(ReadValues(&in, &Bucket::last, &buckets));
    for (double Bucket::*const field :
         (flags & kCounter) != 0
             ? std::vector<double Bucket::*>{&Bucket::resets}
             : std::vector<double Bucket::*>{&Bucket::sum, &Bucket::min, &Bucket::max}) {
      RONDA_RETURN_IF_ERROR(ReadValues(&in, field, &buckets));
    }
  }
  if (!in.done() || resolution_ms <= 0 || resolution_ms > kHourMs) {
    return Damaged("another length");
  }
  for (size_t i = 0; i < n; ++i) {
    Bucket& b = buckets[i];
    if (counts[i] < 0 || counts[i] > resolution_ms || after[i] < 0 || after[i] > resolution_ms ||
        before[i] < 0 || before[i] > resolution_ms) {
      return Damaged("a bucket that cannot be");
    }
    b.count = counts[i];
    b.first_ms = b.count == 0 ? 0 : b.end_ms - resolution_ms + after[i];
    b.last_ms = b.count == 0 ? 0 : b.end_ms - before[i];
    b.stale_at_end = stale[i] != 0;
    if (flat) {
      b.last = b.first;
      if ((flags & kCounter) == 0) {
        b.sum = SumOfEqual(b.first, b.count);
        b.min = b.max = b.first;
      }
    }
  }
  return buckets;
}

namespace {

double Least(double a, double b) { return std::isnan(a) || b < a ? b : a; }
double Most(double a, double b) { return std::isnan(a) || b > a ? b : a; }

Bucket Join(Bucket a, Bucket b, bool is_counter) {
  if (b.count > 0 && (a.count == 0 || b.first_ms < a.first_ms)) {
    std::swap(a, b);
  }
  a.mixed = true;
  if (b.count == 0) {
    return a;  // where its markers were is not known
  }
  if (a.last_ms < b.first_ms) {
    a.resets += b.resets + (is_counter && b.first < a.last ? a.last : 0);
  } else {
    a.resets += b.resets;
  }
  if (b.last_ms > a.last_ms) {
    a.last_ms = b.last_ms;
    a.last = b.last;
    a.stale_at_end = b.stale_at_end;
  }
  a.count += b.count;
  if (!is_counter) {
    a.sum += b.sum;
    a.min = Least(a.min, b.min);
    a.max = Most(a.max, b.max);
  }
  return a;
}

}  // namespace

void MergeBuckets(bool is_counter, std::vector<Bucket>* buckets) {
  std::stable_sort(buckets->begin(), buckets->end(),
                   [](const Bucket& a, const Bucket& b) { return a.end_ms < b.end_ms; });
  size_t kept = 0;
  for (const Bucket& bucket : *buckets) {
    if (kept > 0 && (*buckets)[kept - 1].end_ms == bucket.end_ms) {
      (*buckets)[kept - 1] = Join((*buckets)[kept - 1], bucket, is_counter);
    } else {
      (*buckets)[kept++] = bucket;
    }
  }
  buckets->resize(kept);
}

}  // namespace ronda::store
