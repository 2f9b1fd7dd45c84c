// A parsed template.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "collector/template/value.h"

namespace ronda::tmpl {

struct Function;  // functions.h
struct Pipeline;

// An argument: what it is, then the fields taken of it.
struct Operand {
  enum class Kind { kConstant, kDot, kVariable, kPipeline, kFunction };
  Kind kind = Kind::kConstant;
  Value constant;
  std::string variable;  // with its dollar
  std::shared_ptr<const Pipeline> pipeline;
  const Function* function = nullptr;
  std::vector<std::string> fields;
};

struct Command {
  std::vector<Operand> operands;  // a function and its arguments, or one value
  int line = 1;
};

// a | b | c: each command gets the value of the one before as its last argument.
struct Pipeline {
  std::vector<std::string> variables;  // what is set: one, or two of a range
  bool declares = false;               // := and not =
  std::vector<Command> commands;
};

struct Node;
using Nodes = std::vector<Node>;

struct Node {
  enum class Kind { kText, kAction, kIf, kRange, kWith, kTemplate, kBreak, kContinue };
  Kind kind = Kind::kText;
  std::string text;   // of kText; the name of kTemplate
  Pipeline pipeline;  // of kTemplate: without commands, the dot is nil
  Nodes body;
  Nodes otherwise;  // after else
  int line = 1;
};

struct Tree {
  Nodes nodes;
  std::map<std::string, Nodes, std::less<>> defined;  // by {{ define "name" }}
  bool uses_value = false;  // $value or .Value
  bool uses_query = false;
};

}  // namespace ronda::tmpl
