// Tested by tests/e2e/reload_test.cc.
#include "collector/admin/rules_service.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "collector/access/peer.h"
#include "collector/rules/placement.h"
#include "common/base/status.h"
#include "common/obs/log.h"
#include "common/rpc/status.h"
#include "ronda/v1/rules.grpc.pb.h"

namespace ronda::admin {
namespace {

using rules::Alert;
using rules::AlertState;

// The alerts of both ways of evaluation, by group and rule.
class AlertsByRule {
 public:
  AlertsByRule(const rules::Engine& engine, const rules::Evaluator& evaluator)
      : all_(engine.Active()) {
    for (Alert& alert : evaluator.Active()) {
      all_.push_back(std::move(alert));
    }
    for (const Alert& alert : all_) {
      by_rule_[{alert.group, alert.rule}].push_back(&alert);
    }
  }

  // Rules of one name may differ in their labels.
  void Count(const rules::RuleGroup& group, const rules::Rule& rule, v1::RuleLine* line) const {
    const auto found = by_rule_.find({group.name, rule.name});
    if (found == by_rule_.end()) {
      return;
    }
    const auto count = [&](AlertState state) {
      return std::count_if(found->second.begin(), found->second.end(), [&](const Alert* alert) {
        return alert->state == state && rules::CouldRaise(group, rule, *alert);
      });
    };
    line->set_pending(count(AlertState::kPending));
    line->set_firing(count(AlertState::kFiring));
    line->set_unknown(count(AlertState::kUnknown));
  }

 private:
  std::vector<Alert> all_;
  std::map<std::pair<std::string, std::string>, std::vector<const Alert*>> by_rule_;
};

std::string SeverityOf(const rules::Rule& rule) {
  for (const rules::TemplatedLabel& label : rule.labels) {
    if (label.name == "severity") {
      return label.value.text();
    }
  }
  return "";
}

void Describe(const rules::RuleFile& file, const rules::RuleGroup& group, const rules::Rule& rule,
              v1::RuleLine* line) {
  line->set_file(file.path);
  line->set_group(group.name);
  line->set_line(rule.line);
  line->set_name(rule.name);
  line->set_record(rule.record);
  line->set_expr(rule.expr);
  line->set_severity(SeverityOf(rule));
  line->set_on_arrival(rule.on_arrival);
  line->set_interval_ms(group.IntervalMs());
  line->set_for_ms(rule.for_ms);
}

class RulesService final : public v1::Rules::Service {
 public:
  explicit RulesService(RulesParts parts) : parts_(std::move(parts)) {}

  grpc::Status Reload(grpc::ServerContext* context, const v1::ReloadRequest*,
                      v1::ReloadReply* reply) override {
    return rpc::ToGrpc(Reload(access::Describe(access::PeerOf(*context)), context->peer(), reply));
  }

  grpc::Status List(grpc::ServerContext*, const v1::ListRulesRequest*,
                    v1::ListRulesReply* reply) override {
    const auto files = parts_.engine.files();
    const AlertsByRule alerts(parts_.engine, parts_.evaluator);
    std::map<std::pair<std::string, std::string>, rules::GroupHealth> health;
    for (rules::GroupReport& report : parts_.evaluator.Reports()) {
      health[{report.file, report.group}] = std::move(report.health);
    }
    for (const rules::RuleFile& file : *files) {
      for (const rules::RuleGroup& group : file.groups) {
        const rules::GroupHealth& of_group = health[{file.path, group.name}];
        for (size_t i = 0; i < group.rules.size(); ++i) {
          v1::RuleLine* line = reply->add_rule();
          Describe(file, group, group.rules[i], line);
          alerts.Count(group, group.rules[i], line);
          if (i < of_group.rules.size()) {
            const rules::RuleHealth& last = of_group.rules[i];
            line->set_error(last.error);
            line->set_evaluated_ms(group.rules[i].on_arrival ? 0 : last.last_ms);
            line->set_duration_us(last.duration_us);
          }
        }
      }
    }
    return grpc::Status::OK;
  }

 private:
  absl::Status Reload(const std::string& who, const std::string& from, v1::ReloadReply* reply) {
    RONDA_RETURN_IF_ERROR(parts_.reload());
    const auto files = parts_.engine.files();
    size_t rules = 0;
    for (const rules::RuleFile& file : *files) {
      for (const rules::RuleGroup& group : file.groups) {
        rules += group.rules.size();
      }
    }
    reply->set_files(static_cast<int64_t>(files->size()));
    reply->set_rules(static_cast<int64_t>(rules));
    trust::AuditEntry entry;
    entry.who = who;
    entry.from = from;
    entry.what = "reload";
    entry.subject = "configuration";
    entry.detail = fmt::format("{} rules in {} files", rules, files->size());
    if (absl::Status written = parts_.audit.Write(std::move(entry), {}); !written.ok()) {
      // It is done; that cannot be undone.
      obs::Error("admin", "a reload is not in the audit by=\"{}\" error=\"{}\"", who,
                 Message(written));
    }
    return absl::OkStatus();
  }

  const RulesParts parts_;
};

}  // namespace

std::unique_ptr<grpc::Service> NewRulesService(RulesParts parts) {
  return std::make_unique<RulesService>(std::move(parts));
}

}  // namespace ronda::admin
