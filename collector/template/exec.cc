#include "collector/template/exec.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "common/base/status.h"

namespace ronda::tmpl {
namespace {

constexpr size_t kMostText = size_t{1} << 20;
constexpr int kMostSteps = 1'000'000;
constexpr int kMostDepth = 100;

// How a list of nodes ended.
enum class Flow { kOn, kBreak, kContinue };

class Executor {
 public:
  Executor(const Tree& tree, const Environment& environment)
      : tree_(tree), environment_(environment) {}

  absl::StatusOr<std::string> Run(const Nodes& nodes, const Value& dot,
                                  std::vector<Variable> variables) {
    variables_ = std::move(variables);
    variables_.emplace_back("$", dot);
    RONDA_RETURN_IF_ERROR(List(nodes, dot).status());
    return std::move(out_);
  }

 private:
  // Variables that are declared within are gone at its end.
  class Scope {
   public:
    explicit Scope(Executor* executor) : executor_(*executor), size_(executor->variables_.size()) {}
    ~Scope() { Reset(); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    void Reset() { executor_.variables_.resize(size_); }

   private:
    Executor& executor_;
    const size_t size_;
  };

  absl::Status Step(int line) {
    line_ = line;
    if (++steps_ > kMostSteps) {
      return Fail(absl::StatusCode::kResourceExhausted, "line {}: too many steps", line);
    }
    return absl::OkStatus();
  }

  absl::Status Write(std::string_view text) {
    if (out_.size() + text.size() > kMostText) {
      return Fail(absl::StatusCode::kResourceExhausted, "line {}: more than 1 MiB of text", line_);
    }
    out_ += text;
    return absl::OkStatus();
  }

  absl::Status At(const absl::Status& status) const {
    return absl::Status(status.code(), fmt::format("line {}: {}", line_, Message(status)));
  }

  absl::StatusOr<Flow> List(const Nodes& nodes, const Value& dot) {
    for (const Node& node : nodes) {
      RONDA_RETURN_IF_ERROR(Step(node.line));
      RONDA_ASSIGN_OR_RETURN(const Flow flow, One(node, dot));
      if (flow != Flow::kOn) {
        return flow;
      }
    }
    return Flow::kOn;
  }

  absl::StatusOr<Flow> One(const Node& node, const Value& dot) {
    switch (node.kind) {
      case Node::Kind::kText:
        RONDA_RETURN_IF_ERROR(Write(node.text));
        return Flow::kOn;
      case Node::Kind::kAction: {
        RONDA_ASSIGN_OR_RETURN(const Value value, Evaluate(node.pipeline, dot));
        if (node.pipeline.variables.empty()) {
          RONDA_RETURN_IF_ERROR(Write(value.Print()));
        }
        return Flow::kOn;
      }
      case Node::Kind::kIf:
      case Node::Kind::kWith: {
        const Scope scope(this);
        RONDA_ASSIGN_OR_RETURN(const Value value, Evaluate(node.pipeline, dot));
        if (!value.Truth()) {
          return List(node.otherwise, dot);
        }
        return List(node.body, node.kind == Node::Kind::kWith ? value : dot);
      }
      case Node::Kind::kRange:
        return Range(node, dot);
      case Node::Kind::kTemplate: {
        Value argument;
        if (!node.pipeline.commands.empty()) {
          RONDA_ASSIGN_OR_RETURN(argument, Evaluate(node.pipeline, dot));
        }
        RONDA_RETURN_IF_ERROR(Call(node.text, argument));
        return Flow::kOn;
      }
      case Node::Kind::kBreak:
        return Flow::kBreak;
      case Node::Kind::kContinue:
        return Flow::kContinue;
    }
    return Flow::kOn;
  }

  // A template by {{ define }}.
  absl::Status Call(const std::string& name, const Value& dot) {
    const auto found = tree_.defined.find(name);
    if (found == tree_.defined.end()) {
      return Fail(absl::StatusCode::kInvalidArgument, "line {}: template \"{}\" not defined", line_,
                  name);
    }
    if (++depth_ > kMostDepth) {
      return Fail(absl::StatusCode::kResourceExhausted, "line {}: too deeply nested", line_);
    }
    std::vector<Variable> outer = std::exchange(variables_, {Variable("$", dot)});
    const absl::Status status = List(found->second, dot).status();
    variables_ = std::move(outer);
    --depth_;
    return status;
  }

  absl::StatusOr<Flow> Range(const Node& node, const Value& dot) {
    Scope scope(this);
    Pipeline pipeline = node.pipeline;
    const std::vector<std::string> names = std::exchange(pipeline.variables, {});
    RONDA_ASSIGN_OR_RETURN(const Value over, Evaluate(pipeline, dot));
    std::vector<std::pair<Value, Value>> items;
    if (!Items(over, &items)) {
      return At(Fail(absl::StatusCode::kInvalidArgument, "range can't iterate over a {}",
                     over.TypeName()));
    }
    if (items.empty()) {
      return List(node.otherwise, dot);
    }
    for (const auto& [key, value] : items) {
      scope.Reset();
      if (names.size() == 2) {
        RONDA_RETURN_IF_ERROR(Set(names[0], node.pipeline.declares, key));
      }
      if (!names.empty()) {
        RONDA_RETURN_IF_ERROR(Set(names.back(), node.pipeline.declares, value));
      }
      RONDA_RETURN_IF_ERROR(Step(node.line));
      RONDA_ASSIGN_OR_RETURN(const Flow flow, List(node.body, value));
      if (flow == Flow::kBreak) {
        break;
      }
    }
    return Flow::kOn;
  }

  static bool Items(const Value& over, std::vector<std::pair<Value, Value>>* items) {
    if (const auto* samples = over.As<Value::Samples>()) {
      for (const Sample& sample : *samples) {
        items->emplace_back(static_cast<int64_t>(items->size()), sample);
      }
    } else if (const auto* list = over.As<Value::List>()) {
      for (const Value& value : *list) {
        items->emplace_back(static_cast<int64_t>(items->size()), value);
      }
    } else if (const auto* labels = over.As<Labels>()) {
      for (const Label& label : labels->all()) {
        items->emplace_back(label.name, label.value);
      }
    } else if (const auto* dict = over.As<Dict>()) {
      for (const auto& [name, value] : dict->entries) {
        items->emplace_back(name, value);
      }
    } else if (const auto* count = over.As<int64_t>()) {
      for (int64_t i = 0; i < std::min<int64_t>(*count, kMostSteps); ++i) {
        items->emplace_back(i, i);
      }
    } else {
      return over.IsNil();
    }
    return true;
  }

  absl::Status Set(const std::string& name, bool declare, const Value& value) {
    if (declare) {
      variables_.emplace_back(name, value);
      return absl::OkStatus();
    }
    Value* const variable = Find(name);
    if (variable == nullptr) {
      return Fail(absl::StatusCode::kInvalidArgument, "line {}: undefined variable \"{}\"", line_,
                  name);
    }
    *variable = value;
    return absl::OkStatus();
  }

  // The innermost one.
  Value* Find(std::string_view name) {
    const auto found = std::find_if(variables_.rbegin(), variables_.rend(),
                                    [name](const Variable& v) { return v.first == name; });
    return found == variables_.rend() ? nullptr : &found->second;
  }

  absl::StatusOr<Value> Evaluate(const Pipeline& pipeline, const Value& dot) {
    Value value;
    bool first = true;
    for (const Command& command : pipeline.commands) {
      RONDA_RETURN_IF_ERROR(Step(command.line));
      RONDA_ASSIGN_OR_RETURN(value, Evaluate(command, dot, first ? nullptr : &value));
      first = false;
    }
    for (const std::string& name : pipeline.variables) {
      RONDA_RETURN_IF_ERROR(Set(name, pipeline.declares, value));
    }
    return value;
  }

  // `piped` is the value of the command before, null if there is none.
  absl::StatusOr<Value> Evaluate(const Command& command, const Value& dot, const Value* piped) {
    const Operand& head = command.operands[0];
    if (head.kind != Operand::Kind::kFunction) {
      return Evaluate(head, dot);
    }
    const Function& function = *head.function;
    if (function.name == "and" || function.name == "or") {
      return ShortCircuit(command, function.name == "and", dot, piped);
    }
    std::vector<Value> arguments;
    for (size_t i = 1; i < command.operands.size(); ++i) {
      RONDA_ASSIGN_OR_RETURN(Value argument, Evaluate(command.operands[i], dot));
      arguments.push_back(std::move(argument));
    }
    if (piped != nullptr) {
      arguments.push_back(*piped);
    }
    return CallFunction(head, arguments);
  }

  // Evaluates no more than it must.
  absl::StatusOr<Value> ShortCircuit(const Command& command, bool is_and, const Value& dot,
                                     const Value* piped) {
    Value value;
    for (size_t i = 1; i < command.operands.size(); ++i) {
      RONDA_ASSIGN_OR_RETURN(value, Evaluate(command.operands[i], dot));
      if (value.Truth() != is_and) {
        return value;
      }
    }
    if (piped != nullptr) {
      return *piped;
    }
    if (command.operands.size() == 1) {
      return At(Fail(absl::StatusCode::kInvalidArgument,
                     "wrong number of args for {}: want at "
                     "least 1 got 0",
                     is_and ? "and" : "or"));
    }
    return value;
  }

  absl::StatusOr<Value> CallFunction(const Operand& head, const std::vector<Value>& arguments) {
    const Function& function = *head.function;
    if (arguments.size() < function.least || arguments.size() > function.most) {
      return At(Fail(absl::StatusCode::kInvalidArgument,
                     "wrong number of args for {}: want {}{} got {}", function.name,
                     function.most != function.least ? "at least " : "", function.least,
                     arguments.size()));
    }
    if (function.name == "tmpl") {
      return Text(arguments);
    }
    auto result = function.call(arguments, environment_);
    if (!result.ok()) {
      return At(Fail(result.status().code(), "error calling {}: {}", function.name,
                     Message(result.status())));
    }
    return Fields(*std::move(result), head.fields);
  }

  // tmpl "name" data: the text of a defined template.
  absl::StatusOr<Value> Text(const std::vector<Value>& arguments) {
    auto name = ToText(arguments[0]);
    if (!name.ok()) {
      return At(name.status());
    }
    std::string outer = std::exchange(out_, "");
    const absl::Status status = Call(*name, arguments[1]);
    std::string text = std::exchange(out_, std::move(outer));
    RONDA_RETURN_IF_ERROR(status);
    return Value(std::move(text));
  }

  absl::StatusOr<Value> Evaluate(const Operand& operand, const Value& dot) {
    switch (operand.kind) {
      case Operand::Kind::kConstant:
        return operand.constant;
      case Operand::Kind::kDot:
        return Fields(dot, operand.fields);
      case Operand::Kind::kVariable: {
        const Value* const variable = Find(operand.variable);
        return Fields(variable != nullptr ? *variable : Value(), operand.fields);
      }
      case Operand::Kind::kPipeline: {
        RONDA_ASSIGN_OR_RETURN(Value value, Evaluate(*operand.pipeline, dot));
        return Fields(std::move(value), operand.fields);
      }
      case Operand::Kind::kFunction:
        return CallFunction(operand, {});
    }
    return Value();
  }

  absl::StatusOr<Value> Fields(Value value, const std::vector<std::string>& fields) const {
    for (const std::string& field : fields) {
      auto next = value.Field(field);
      if (!next.ok()) {
        return At(next.status());
      }
      value = *std::move(next);
    }
    return value;
  }

  const Tree& tree_;
  const Environment& environment_;
  std::vector<Variable> variables_;
  std::string out_;
  int steps_ = 0;
  int depth_ = 0;
  int line_ = 1;
};

}  // namespace

absl::StatusOr<std::string> Execute(const Tree& tree, const Value& dot,
                                    std::span<const Variable> variables,
                                    const Environment& environment) {
  return Executor(tree, environment)
      .Run(tree.nodes, dot, std::vector<Variable>(variables.begin(), variables.end()));
}

}  // namespace ronda::tmpl
