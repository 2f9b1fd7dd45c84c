// Two passes: count the residuals of each prediction, finely; then fit symbols and contexts for
// those that come close to the best, and write the shortest.
#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <numeric>
#include <vector>

#include "common/codec/column_blocks.h"
#include "common/codec/column_coded.h"
#include "common/codec/column_fit.h"
#include "common/codec/column_ints.h"
#include "common/codec/column_model.h"
#include "common/codec/varint.h"

namespace ronda::codec {
namespace {

// Contexts may turn the order of candidates that are so close without them.
constexpr double kWorthFitting = 1.1;
// So many contexts are expected when symbols are chosen. To try 6 as well takes a quarter of all
// the time, for 0.02 % of the bytes.
constexpr int kTablesToFit = 2;

// What is tried: how the numbers of a column come from its values.
struct Candidate {
  CodedHead head;
  FineCounts fine;
  double bits = 0;
};

// The greatest common divisor of all values less the first; not all are equal.
uint64_t StrideOf(std::span<const int64_t> values) {
  uint64_t any = 0;
  for (const int64_t v : values) {
    any |= static_cast<uint64_t>(WrappingSub(v, values[0]));
  }
  const int zeros = std::countr_zero(any);
  uint64_t odd = 0;
  for (const int64_t v : values) {
    const int64_t d = WrappingSub(v, values[0]) >> zeros;
    const uint64_t magnitude = d < 0 ? 0 - static_cast<uint64_t>(d) : static_cast<uint64_t>(d);
    if (odd == 0 || magnitude % odd != 0) {
      odd = std::gcd(odd, magnitude);
      if (odd == 1) {
        break;
      }
    }
  }
  return odd << zeros;
}

uint64_t NumberOf(const CodedHead& head, const int64_t* y) {
  int64_t r = y[0];
  if (head.order >= 1) {
    r = WrappingSub(r, y[-1]);
  }
  if (head.order == 2) {
    r = WrappingSub(r, WrappingSub(y[-1], y[-2]));
  }
  return head.is_signed ? FoldSign(r) : static_cast<uint64_t>(WrappingSub(r, head.least));
}

// Calls f(i) for each value that is coded: all but those that the directory tells.
template <typename F>
void ForEachCoded(size_t n, int order, F f) {
  for (size_t start = 0; start < n; start += kCodedBlockValues) {
    const size_t end = std::min(n, start + kCodedBlockValues);
    for (size_t i = start + static_cast<size_t>(order); i < end; ++i) {
      f(i);
    }
  }
}

void Count(const std::vector<int64_t>& y, const CodedHead& head, FineCounts* fine) {
  uint32_t total = 0;
  ForEachCoded(y.size(), head.order, [&](size_t i) {
    fine->Add(NumberOf(head, &y[i]));
    ++total;
  });
  fine->total = total;
}

std::vector<Coded> NumbersOf(const std::vector<int64_t>& y, const CodedHead& head) {
  std::vector<Coded> numbers(y.size());
  int last = 0;
  int before = 0;
  int zeros = 0;
  ForEachCoded(y.size(), head.order, [&](size_t i) {
    if (i % kCodedBlockValues == static_cast<size_t>(head.order)) {
      last = before = zeros = 0;
    }
    const uint64_t number = NumberOf(head, &y[i]);
    numbers[i] = {number, static_cast<uint16_t>(ContextScore(last, before, zeros))};
    before = last;
    last = ClassOf(number);
    zeros = number == 0 ? std::min(zeros + 1, kMostZeros) : 0;
  });
  return numbers;
}

// The predictions worth a try, and the values less the lowest, by their stride. Others (the mean or
// the median of the last steps or values) won by 1 % at most, on few series.
std::vector<CodedHead> HeadsFor(std::span<const int64_t> values, std::vector<int64_t>* y) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const int64_t lowest = *low;
  // Only differences that do not wrap have a divisor.
  const uint64_t stride = WrappingSub(*high, lowest) < 0 ? 1 : StrideOf(values);
  const int zeros = std::countr_zero(stride);
  const auto odd = static_cast<int64_t>(stride >> zeros);
  y->resize(values.size());
  int64_t least_step = std::numeric_limits<int64_t>::max();
  for (size_t i = 0; i < values.size(); ++i) {
    const auto d = static_cast<uint64_t>(WrappingSub(values[i], lowest)) >> zeros;
    (*y)[i] =
        odd == 1 ? static_cast<int64_t>(d) : static_cast<int64_t>(d / static_cast<uint64_t>(odd));
    if (i >= 1) {
      least_step = std::min(least_step, WrappingSub((*y)[i], (*y)[i - 1]));
    }
  }
  return {{0, false, lowest, stride, 0},
          {1, true, lowest, stride, 0},
          {1, false, lowest, stride, least_step},
          {2, true, lowest, stride, 0}};
}

// A candidate with contexts.
struct Fitted {
  CodedHead head;
  ColumnModel model;
  std::vector<Coded> numbers;
  double bits = 1e300;
};

// The counts of the alphabet's symbols, by score.
std::vector<ScoreCounts> CountByScore(const ColumnAlphabet& alphabet, const CodedHead& head,
                                      const std::vector<Coded>& numbers, double* rest_bits) {
  std::array<uint16_t, kColumnScores> row{};
  for (const Coded& number : numbers) {
    row[number.score] = 1;
  }
  std::vector<ScoreCounts> rows;
  for (int score = 0; score < kColumnScores; ++score) {
    uint16_t& at = row[static_cast<size_t>(score)];
    if (at > 0) {
      at = static_cast<uint16_t>(rows.size());
      rows.push_back({score, 0, std::vector<uint32_t>(static_cast<size_t>(alphabet.symbols))});
    }
  }
  uint64_t rest = 0;
  ForEachCoded(numbers.size(), head.order, [&](size_t i) {
    const ColumnToken token = TokenOf(alphabet, numbers[i].number);
    ScoreCounts& counts = rows[row[numbers[i].score]];
    ++counts.counts[token.symbol];
    ++counts.total;
    rest += static_cast<uint64_t>(token.bits);
  });
  std::erase_if(rows, [](const ScoreCounts& r) { return r.total == 0; });
  *rest_bits = static_cast<double>(rest);
  return rows;
}

// Makes *best the candidate with the contexts that suit it, if that is shorter.
void Fit(const std::vector<int64_t>& y, const Candidate& candidate, Fitted* best) {
  std::vector<Coded> numbers = NumbersOf(y, candidate.head);
  ColumnAlphabet alphabet;
  ChooseAlphabet(candidate.fine, kTablesToFit, &alphabet);
  double rest_bits;
  ColumnModel model;
  const double bits =
      FitModel(alphabet, CountByScore(alphabet, candidate.head, numbers, &rest_bits), &model) +
      rest_bits;
  if (bits < best->bits) {
    *best = {candidate.head, std::move(model), std::move(numbers), bits};
  }
}

}  // namespace

void EncodeCoded(std::span<const int64_t> values, std::string* out) {
  std::vector<int64_t> y;
  std::vector<Candidate> candidates;
  double least = 1e300;
  for (const CodedHead& head : HeadsFor(values, &y)) {
    Candidate& candidate = candidates.emplace_back(Candidate{head, {}, 0});
    Count(y, head, &candidate.fine);
    ColumnAlphabet alphabet;
    candidate.bits = ChooseAlphabet(candidate.fine, 1, &alphabet);
    least = std::min(least, candidate.bits);
  }
  Fitted best;
  for (const Candidate& candidate : candidates) {
    if (candidate.bits <= kWorthFitting * least) {
      Fit(y, candidate, &best);
    }
  }
  FinishModel(&best.model);
  out->push_back(static_cast<char>(IntEncoding::kCoded));
  out->push_back(static_cast<char>(best.head.order | (best.head.is_signed ? kCodedSigned : 0)));
  PutSigned(out, best.head.origin);
  PutVarint(out, best.head.stride);
  if (!best.head.is_signed) {
    PutSigned(out, best.head.least);
  }
  PutModel(best.model, out);
  PutBlocks(y, best.head, best.model, best.numbers, out);
}

}  // namespace ronda::codec
