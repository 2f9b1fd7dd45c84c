#include "common/codec/column_fit.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include "common/codec/column_weights.h"

namespace ronda::codec {
namespace {

// n * log2(n) for the counts that are usual.
const std::vector<float>& NLogNTable() {
  static const auto* const kTable = [] {
    auto* table = new std::vector<float>(8192);
    for (size_t i = 1; i < table->size(); ++i) {
      (*table)[i] = static_cast<float>(static_cast<double>(i) * std::log2(static_cast<double>(i)));
    }
    return table;
  }();
  return *kTable;
}

double NLogN(const std::vector<float>& table, uint32_t n) {
  return n < table.size() ? table[n] : n * std::log2(n);
}

// A score with fewer numbers joins its neighbour unasked.
constexpr uint32_t kFewNumbers = 6;

// What a reader makes before the first number must be worth its time (of an hour at a second, 0.5
// of 7 ns a sample, for 0.15 % of the bytes): half of the slots that a model may have, and a
// context for so many numbers.
constexpr int kWorthSlots = kMaxModelSlots / 2;
constexpr uint32_t kNumbersPerContext = 600;

// Neighbouring scores that share a context.
struct Group : ScoreCounts {
  double bits = 0;
};

// What a weight's place in a table takes beside a like one.
int WeightBits(uint32_t weight) {
  return 3 + MantissaBits(static_cast<int>(std::bit_width(weight)));
}

// What symbols with these counts (a, and b unless it is null) take, their table included.
double TableBits(const uint32_t* a, const uint32_t* b, size_t symbols, uint32_t total) {
  const std::vector<float>& n_log_n = NLogNTable();
  double bits = NLogN(n_log_n, total);
  int table = 0;
  int last = 0;
  for (size_t i = 0; i < symbols; ++i) {
    const uint32_t n = a[i] + (b == nullptr ? 0 : b[i]);
    const auto digits = static_cast<int>(std::bit_width(n));
    table += GammaBits(static_cast<uint32_t>(DigitsChange(last, digits))) + MantissaBits(digits);
    last = digits;
    bits -= NLogN(n_log_n, n);
  }
  return bits + table;
}

void AddCounts(const ScoreCounts& from, ScoreCounts* to) {
  for (size_t i = 0; i < to->counts.size(); ++i) {
    to->counts[i] += from.counts[i];
  }
  to->total += from.total;
}

// Joins neighbours as long as that saves bits or there are more than `limit`, the best first.
void JoinGroups(size_t limit, std::vector<Group>* groups) {
  std::vector<double> joined;
  const auto cost = [&](size_t i) {
    const Group& a = (*groups)[i];
    const Group& b = (*groups)[i + 1];
    return TableBits(a.counts.data(), b.counts.data(), a.counts.size(), a.total + b.total);
  };
  for (size_t i = 0; i + 1 < groups->size(); ++i) {
    joined.push_back(cost(i));
  }
  while (groups->size() > 1) {
    size_t best = 0;
    double most = -1e300;
    for (size_t i = 0; i < joined.size(); ++i) {
      const double saved = (*groups)[i].bits + (*groups)[i + 1].bits - joined[i];
      if (saved > most) {
        most = saved;
        best = i;
      }
    }
    if (most < 0 && groups->size() <= limit) {
      return;
    }
    Group& a = (*groups)[best];
    const Group& b = (*groups)[best + 1];
    AddCounts(b, &a);
    a.bits = joined[best];
    groups->erase(groups->begin() + static_cast<ptrdiff_t>(best) + 1);
    joined.erase(joined.begin() + static_cast<ptrdiff_t>(best));
    if (best > 0) {
      joined[best - 1] = cost(best - 1);
    }
    if (best < joined.size()) {
      joined[best] = cost(best);
    }
  }
}

}  // namespace

double ChooseAlphabet(const FineCounts& fine, int tables, ColumnAlphabet* alphabet) {
  const std::vector<float>& n_log_n = NLogNTable();
  double all = NLogN(n_log_n, fine.total);
  for (int cls = 0; cls < kColumnClasses; ++cls) {
    const auto& counts = fine.counts[static_cast<size_t>(cls)];
    const uint32_t total = std::accumulate(counts.begin(), counts.end(), 0U);
    uint8_t& chosen = alphabet->detail[static_cast<size_t>(cls)];
    chosen = kClassUnused;
    if (total == 0) {
      continue;
    }
    const int finest = std::clamp(cls - 1, 0, kMaxDetail);
    double least = 1e300;
    for (int detail = finest; detail >= 0; --detail) {
      double bits = static_cast<double>(total) * RestBits(cls, detail);
      const size_t width = size_t{1} << (finest - detail);
      // Of a short class the leading digit is in the index, too: it is the same for all.
      const size_t begin = cls > 0 && cls - 1 < kMaxDetail ? size_t{1} << finest : 0;
      for (size_t at = begin; at < begin + (size_t{1} << finest); at += width) {
        uint32_t n = 0;
        for (size_t i = at; i < at + width; ++i) {
          n += counts[i];
        }
        bits += n == 0 ? tables : WeightBits(n) * tables - NLogN(n_log_n, n);
      }
      if (bits < least) {
        least = bits;
        chosen = static_cast<uint8_t>(detail);
      }
    }
    all += least;
  }
  while (!alphabet->Number()) {
    for (uint8_t& detail : alphabet->detail) {
      detail = detail == kClassUnused || detail == 0 ? detail : static_cast<uint8_t>(detail - 1);
    }
  }
  return all;
}

double FitModel(const ColumnAlphabet& alphabet, std::vector<ScoreCounts> counts,
                ColumnModel* model) {
  std::vector<Group> groups;
  for (ScoreCounts& c : counts) {
    if (!groups.empty() && (c.total < kFewNumbers || groups.back().total < kFewNumbers)) {
      AddCounts(c, &groups.back());
      continue;
    }
    groups.emplace_back(Group{std::move(c)});
  }
  uint32_t total = 0;
  for (Group& group : groups) {
    total += group.total;
    group.bits = TableBits(group.counts.data(), nullptr, group.counts.size(), group.total);
  }
  JoinGroups(std::clamp<size_t>(total / kNumbersPerContext, 1, kMaxContexts), &groups);
  model->alphabet = alphabet;
  model->precision = kMaxPrecision;
  while (static_cast<int>(groups.size()) << model->precision > kWorthSlots) {
    --model->precision;
  }
  model->frequency.resize(groups.size());
  model->weights.resize(groups.size());
  double bits = 0;
  for (size_t i = 0; i < groups.size(); ++i) {
    ColumnModel::Weights& weights = model->weights[i];
    weights.fill(0);
    std::copy(groups[i].counts.begin(), groups[i].counts.end(), weights.begin());
    const int begin = i == 0 ? 0 : groups[i].score;
    std::fill(model->context.begin() + begin, model->context.end(), static_cast<uint8_t>(i));
    bits += groups[i].bits;
  }
  return bits;
}

void FinishModel(ColumnModel* model) {
  const auto symbols = static_cast<size_t>(model->alphabet.symbols);
  for (size_t i = 0; i < model->weights.size(); ++i) {
    const ColumnModel::Weights counts = model->weights[i];
    ChooseWeights(std::span(counts).first(symbols), &model->weights[i]);
    Normalise(std::span(model->weights[i]).first(symbols), model->precision, &model->frequency[i]);
  }
}

}  // namespace ronda::codec
