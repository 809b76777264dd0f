/// A template in the part of Jinja's language that chat templates use, with `trim_blocks` and `lstrip_blocks`.
///
/// Statements: `if`, `for` (with a filter and `else`), `set` (also of a namespace's attribute, also around a block), `macro`,
/// `generation`, `break`, `continue`, `raw`, comments. Values, operators, filters, tests and methods behave as in Jinja 3.1 on
/// Python's types; what is not known is an error where it is reached, never a silent nothing. A template cannot reach anything
/// but its variables, and `TemplateLimits` bound what it takes.
struct JinjaTemplate: Sendable {
  let source: String
  let limits: TemplateLimits
  private let statements: [TemplateStatement]

  /// - Parameter source: Names the template in errors.
  /// - Throws: `TemplateError`.
  init(_ text: String, source: String, limits: TemplateLimits = TemplateLimits()) throws {
    self.source = source
    self.limits = limits
    statements = try TemplateParser.parse(text, source: source, limits: limits)
  }

  /// - Parameter date: What `strftime_now` tells; where it is nil, the template finds no such function.
  /// - Throws: `TemplateError`.
  func render(_ variables: [String: TemplateValue], date: TemplateDate? = nil) throws -> TemplateText {
    try TemplateInterpreter.render(statements, source: source, variables: variables, date: date, limits: limits)
  }
}
