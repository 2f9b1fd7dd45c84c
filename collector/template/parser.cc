#include "collector/template/parser.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "collector/template/functions.h"
#include "collector/template/lexer.h"
#include "common/base/status.h"

namespace ronda::tmpl {
namespace {

// Of actions inside each other, and of parentheses.
constexpr int kMostDepth = 100;

class Parser {
 public:
  Parser(std::vector<Token> tokens, std::span<const std::string_view> variables)
      : tokens_(std::move(tokens)), variables_(variables.begin(), variables.end()) {
    variables_.emplace_back("$");
  }

  absl::StatusOr<std::shared_ptr<const Tree>> Run() {
    Stop stop;
    RONDA_ASSIGN_OR_RETURN(tree_->nodes, List(&stop));
    if (stop.word != "") {
      return Error(fmt::format("unexpected {{{{{}}}}}", stop.word));
    }
    return std::shared_ptr<const Tree>(std::move(tree_));
  }

 private:
  // What ended a list of nodes: "end", "else", or "" for the end of the text.
  struct Stop {
    std::string word;
  };

  const Token& Peek(size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  Token Take() {
    Token token = Peek();
    at_ += at_ + 1 < tokens_.size() ? 1 : 0;
    return token;
  }
  bool Is(TokenKind kind) const { return Peek().kind == kind; }

  absl::Status Error(std::string_view message) const {
    return Fail(absl::StatusCode::kInvalidArgument, "line {}: {}", Peek().line, message);
  }
  absl::Status Unexpected(std::string_view where) const {
    const Token& token = Peek();
    return Error(fmt::format("unexpected {} in {}",
                             token.kind == TokenKind::kEnd ? "end" : "\"" + token.text + "\"",
                             where));
  }
  absl::Status Close(std::string_view where) {
    if (!Is(TokenKind::kClose)) {
      return Unexpected(where);
    }
    Take();
    return absl::OkStatus();
  }

  absl::StatusOr<Nodes> List(Stop* stop) {
    if (++depth_ > kMostDepth) {
      return Error("too deeply nested");
    }
    Nodes nodes;
    while (true) {
      const Token token = Take();
      if (token.kind == TokenKind::kEnd) {
        break;
      }
      if (token.kind == TokenKind::kText) {
        nodes.push_back({Node::Kind::kText, token.text, {}, {}, {}, token.line});
        continue;
      }
      if (Is(TokenKind::kIdentifier) && (Peek().text == "end" || Peek().text == "else")) {
        stop->word = Take().text;
        break;
      }
      RONDA_RETURN_IF_ERROR(Action(&nodes));
    }
    --depth_;
    return nodes;
  }

  absl::Status Action(Nodes* nodes) {
    const std::string word = Is(TokenKind::kIdentifier) ? Peek().text : "";
    Node node;
    node.line = Peek().line;
    if (word == "if" || word == "range" || word == "with") {
      Take();
      RONDA_RETURN_IF_ERROR(Control(word, &node));
    } else if (word == "define" || word == "block" || word == "template") {
      Take();
      return Named(word, std::move(node), nodes);
    } else if (word == "break" || word == "continue") {
      Take();
      if (ranges_ == 0) {
        return Error(fmt::format("{{{{{}}}}} outside {{{{range}}}}", word));
      }
      node.kind = word == "break" ? Node::Kind::kBreak : Node::Kind::kContinue;
      RONDA_RETURN_IF_ERROR(Close(word));
    } else {
      node.kind = Node::Kind::kAction;
      RONDA_ASSIGN_OR_RETURN(node.pipeline, Pipe("command", false));
      RONDA_RETURN_IF_ERROR(Close("command"));
    }
    nodes->push_back(std::move(node));
    return absl::OkStatus();
  }

  // if, range and with, up to their end.
  absl::Status Control(const std::string& word, Node* node) {
    node->kind = word == "if"      ? Node::Kind::kIf
                 : word == "range" ? Node::Kind::kRange
                                   : Node::Kind::kWith;
    const size_t variables = variables_.size();
    RONDA_ASSIGN_OR_RETURN(node->pipeline, Pipe(word, word == "range"));
    RONDA_RETURN_IF_ERROR(Close(word));
    ranges_ += word == "range" ? 1 : 0;
    Stop stop;
    RONDA_ASSIGN_OR_RETURN(node->body, List(&stop));
    ranges_ -= word == "range" ? 1 : 0;
    if (stop.word == "else") {
      RONDA_RETURN_IF_ERROR(Else(word, node, &stop));
    }
    if (stop.word != "end") {
      return Error(fmt::format("{{{{{}}}}} without {{{{end}}}}", word));
    }
    variables_.resize(variables);
    // The end of an `else if` is that of the whole and closes once.
    return chained_ ? absl::OkStatus() : Close("end");
  }

  absl::Status Else(const std::string& word, Node* node, Stop* stop) {
    const bool chain = Is(TokenKind::kIdentifier) && Peek().text == word && word != "range";
    if (!chain) {
      RONDA_RETURN_IF_ERROR(Close("else"));
      RONDA_ASSIGN_OR_RETURN(node->otherwise, List(stop));
      return absl::OkStatus();
    }
    if (++depth_ > kMostDepth) {
      return Error("too deeply nested");
    }
    Node next;
    next.line = Peek().line;
    Take();
    const bool before = std::exchange(chained_, true);
    const absl::Status status = Control(word, &next);
    chained_ = before;
    RONDA_RETURN_IF_ERROR(status);
    node->otherwise.push_back(std::move(next));
    stop->word = "end";
    --depth_;
    return absl::OkStatus();
  }

  absl::Status Named(const std::string& word, Node node, Nodes* nodes) {
    if (!Is(TokenKind::kString)) {
      return Unexpected(word);
    }
    node.kind = Node::Kind::kTemplate;
    node.text = Take().text;
    if (word != "define" && !Is(TokenKind::kClose)) {
      RONDA_ASSIGN_OR_RETURN(node.pipeline, Pipe(word, false));
    }
    RONDA_RETURN_IF_ERROR(Close(word));
    if (word != "template") {
      // A template of its own: it sees no variables of this one.
      std::vector<std::string> outer = std::exchange(variables_, {"$"});
      const int ranges = std::exchange(ranges_, 0);
      const bool chained = std::exchange(chained_, false);
      Stop stop;
      RONDA_ASSIGN_OR_RETURN(tree_->defined[node.text], List(&stop));
      if (stop.word != "end") {
        return Error(fmt::format("{{{{{}}}}} without {{{{end}}}}", word));
      }
      RONDA_RETURN_IF_ERROR(Close("end"));
      variables_ = std::move(outer);
      ranges_ = ranges;
      chained_ = chained;
    }
    if (word != "define") {
      nodes->push_back(std::move(node));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Pipeline> Pipe(std::string_view where, bool is_range) {
    if (++depth_ > kMostDepth) {
      return Error("too deeply nested");
    }
    Pipeline pipeline;
    const bool chained = std::exchange(chained_, false);
    RONDA_RETURN_IF_ERROR(Variables(is_range, &pipeline));
    while (true) {
      RONDA_ASSIGN_OR_RETURN(Command command, OneCommand(where));
      if (!pipeline.commands.empty() && command.operands[0].kind != Operand::Kind::kFunction) {
        return Error("what stands behind a | must be a function");
      }
      pipeline.commands.push_back(std::move(command));
      if (!Is(TokenKind::kPipe)) {
        break;
      }
      Take();
    }
    for (const std::string& name : pipeline.variables) {
      if (pipeline.declares) {
        variables_.push_back(name);
      }
    }
    chained_ = chained;
    --depth_;
    return pipeline;
  }

  // $x :=, $x = and, of a range, $i, $x :=.
  absl::Status Variables(bool is_range, Pipeline* pipeline) {
    if (!Is(TokenKind::kVariable)) {
      return absl::OkStatus();
    }
    const bool two = Peek(1).kind == TokenKind::kComma && Peek(2).kind == TokenKind::kVariable;
    const TokenKind after = Peek(two ? 3 : 1).kind;
    if (after != TokenKind::kDeclare && after != TokenKind::kAssign) {
      return two ? Unexpected("variables") : absl::OkStatus();
    }
    if (two && !is_range) {
      return Error("two variables are for range only");
    }
    pipeline->variables.push_back(Take().text);
    if (two) {
      Take();
      pipeline->variables.push_back(Take().text);
    }
    pipeline->declares = Take().kind == TokenKind::kDeclare;
    for (const std::string& name : pipeline->variables) {
      if (!pipeline->declares && !Knows(name)) {
        return Error(fmt::format("undefined variable \"{}\"", name));
      }
    }
    return absl::OkStatus();
  }

  bool Knows(std::string_view variable) const {
    return std::find(variables_.begin(), variables_.end(), variable) != variables_.end();
  }

  absl::StatusOr<Command> OneCommand(std::string_view where) {
    Command command;
    command.line = Peek().line;
    while (!Is(TokenKind::kPipe) && !Is(TokenKind::kClose) && !Is(TokenKind::kRight)) {
      RONDA_ASSIGN_OR_RETURN(Operand operand, OneOperand(where));
      command.operands.push_back(std::move(operand));
    }
    if (command.operands.empty()) {
      return Error(fmt::format("missing value for {}", where));
    }
    if (command.operands.size() > 1 && command.operands[0].kind != Operand::Kind::kFunction) {
      return Error("can't give an argument to what is not a function");
    }
    return command;
  }

  absl::StatusOr<Operand> OneOperand(std::string_view where) {
    Operand operand;
    const Token token = Peek();
    switch (token.kind) {
      case TokenKind::kString:
        operand.constant = Value(token.text);
        break;
      case TokenKind::kInteger:
        operand.constant = Value(token.integer);
        break;
      case TokenKind::kFloat:
        operand.constant = Value(token.number);
        break;
      case TokenKind::kDot:
        operand.kind = Operand::Kind::kDot;
        break;
      case TokenKind::kField:
        operand.kind = Operand::Kind::kDot;
        operand.fields.push_back(token.text);
        break;
      case TokenKind::kVariable:
        if (!Knows(token.text)) {
          return Error(fmt::format("undefined variable \"{}\"", token.text));
        }
        operand.kind = Operand::Kind::kVariable;
        operand.variable = token.text;
        break;
      case TokenKind::kIdentifier:
        RONDA_RETURN_IF_ERROR(Word(token.text, &operand));
        break;
      case TokenKind::kLeft: {
        Take();
        RONDA_ASSIGN_OR_RETURN(Pipeline inner, Pipe("parentheses", false));
        if (!Is(TokenKind::kRight)) {
          return Unexpected("parentheses");
        }
        operand.kind = Operand::Kind::kPipeline;
        operand.pipeline = std::make_shared<const Pipeline>(std::move(inner));
        break;
      }
      default:
        return Unexpected(where);
    }
    Take();
    while (Is(TokenKind::kField) && !Peek().space_before) {
      operand.fields.push_back(Take().text);
    }
    tree_->uses_value |=
        operand.variable == "$value" || (!operand.fields.empty() && operand.fields[0] == "Value");
    return operand;
  }

  absl::Status Word(const std::string& word, Operand* operand) {
    if (word == "true" || word == "false") {
      operand->constant = Value(word == "true");
    } else if (word != "nil") {
      operand->kind = Operand::Kind::kFunction;
      operand->function = FindFunction(word);
      tree_->uses_query |= word == "query";
      if (operand->function == nullptr) {
        return Error(fmt::format("function \"{}\" not defined", word));
      }
    }
    return absl::OkStatus();
  }

  const std::vector<Token> tokens_;
  size_t at_ = 0;
  std::shared_ptr<Tree> tree_ = std::make_shared<Tree>();
  std::vector<std::string> variables_;  // in scope
  int ranges_ = 0;                      // around what is read
  bool chained_ = false;                // in an `else if`
  int depth_ = 0;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const Tree>> ParseTree(std::string_view text,
                                                      std::span<const std::string_view> variables) {
  RONDA_ASSIGN_OR_RETURN(std::vector<Token> tokens, Lex(text));
  return Parser(std::move(tokens), variables).Run();
}

}  // namespace ronda::tmpl
