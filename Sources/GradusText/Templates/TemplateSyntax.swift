/// An expression and the line where it begins.
struct TemplateExpression: Sendable {
  /// Chains of operators are flat, so that the tree is no deeper than brackets stand inside each other.
  indirect enum Kind: Sendable {
    case constant(TemplateValue)
    case name(String)
    case list([TemplateExpression])
    case tuple([TemplateExpression])
    case dictionary([(key: TemplateExpression, value: TemplateExpression)])
    case negative(TemplateExpression)
    case positive(TemplateExpression)
    case not(TemplateExpression)
    /// From left to right.
    case arithmetic(TemplateExpression, [(operation: String, operand: TemplateExpression)])
    case concatenation([TemplateExpression])
    /// As Python chains them: `a < b < c`.
    case comparison(TemplateExpression, [(operation: String, operand: TemplateExpression)])
    case all([TemplateExpression])
    case any([TemplateExpression])
    case conditional(condition: TemplateExpression, then: TemplateExpression, otherwise: TemplateExpression?)
    case postfix(TemplateExpression, [TemplatePostfix])
  }

  let line: Int
  let kind: Kind
}

/// What follows an expression: `.name`, `[index]`, `[from:to:step]`, `(arguments)`, `| filter`, `is test`.
struct TemplatePostfix: Sendable {
  enum Kind: Sendable {
    case attribute(String)
    case item(TemplateExpression)
    case slice(from: TemplateExpression?, to: TemplateExpression?, step: TemplateExpression?)
    case call(TemplateArguments)
    case filter(String, TemplateArguments)
    case test(String, TemplateArguments, isNegated: Bool)
  }

  let line: Int
  let kind: Kind
}

struct TemplateArguments: Sendable {
  var positional: [TemplateExpression] = []
  var named: [(name: String, value: TemplateExpression)] = []
}

/// What an assignment or a loop gives values to.
enum TemplateTarget: Sendable {
  case name(String)
  case names([String])
  case attribute(namespace: String, name: String)
}

struct TemplateStatement: Sendable {
  indirect enum Kind: Sendable {
    case text([UInt32])
    case print(TemplateExpression)
    case conditional([(condition: TemplateExpression, body: [TemplateStatement])], otherwise: [TemplateStatement])
    case loop(TemplateLoop)
    case assignment(TemplateTarget, TemplateExpression)
    /// What the body prints, through filters.
    case capture(TemplateTarget, filters: [TemplatePostfix], body: [TemplateStatement])
    case macro(TemplateMacro)
    /// A body with variables of its own.
    case scope([TemplateStatement])
    case breakLoop
    case continueLoop
  }

  let line: Int
  let kind: Kind
}

struct TemplateLoop: Sendable {
  let target: TemplateTarget
  let items: TemplateExpression
  let filter: TemplateExpression?
  let body: [TemplateStatement]
  let otherwise: [TemplateStatement]
}

struct TemplateMacro: Sendable {
  let name: String
  let parameters: [(name: String, standard: TemplateExpression?)]
  let body: [TemplateStatement]
}
