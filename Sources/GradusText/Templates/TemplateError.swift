import GradusCore

/// A chat template that cannot be read or rendered, with the line of the template.
public struct TemplateError: GradusError, Equatable {
  public enum Reason: Equatable, Sendable {
    /// Something stands where the grammar wants something else.
    case syntax(expected: String, found: String)
    /// A tag, filter, test, function or argument that this engine does not know.
    case unsupported(String)
    /// A part of something that is not there is asked for.
    case undefined(String)
    /// A value of the wrong kind: what needs it, the kind needed, and the kind found.
    case kind(of: String, expected: String, found: String)
    /// A value out of range, such as a division by zero.
    case value(String)
    /// The template itself refused the conversation, with `raise_exception`.
    case raised(String)
    /// The template would take more than ``TemplateLimits`` allow.
    case limit(String, maximum: Int)
  }

  /// Where the template comes from: a file, perhaps with a key in it.
  public let source: String
  /// From 1.
  public let line: Int
  public let reason: Reason

  public init(source: String, line: Int, reason: Reason) {
    self.source = source
    self.line = line
    self.reason = reason
  }

  public var failureKind: FailureKind { .badData }

  public var description: String {
    let what =
      switch reason {
      case .syntax(let expected, let found): "expected \(expected), found \(found)"
      case .unsupported(let what): "\(what) is not supported in chat templates"
      case .undefined(let what): what
      case .kind(let part, let expected, let found): "\(part) needs \(expected), found \(found)"
      case .value(let what): what
      case .raised(let message): "the template refuses the conversation: \(message)"
      case .limit(let what, let maximum): "more than \(maximum) \(what); the template is broken or hostile"
      }
    return "\(source): line \(line) of the template: \(what)"
  }
}

/// How much a template may take; every one of them is far above what chat templates need.
public struct TemplateLimits: Sendable, Equatable {
  /// Characters of the template.
  public var sourceCharacters = 1 << 20
  /// How deep blocks and expressions stand inside each other; while rendering also calls of macros.
  public var depth = 100
  /// How deep lists and mappings stand inside each other.
  public var valueDepth = 40
  /// Units of work: expressions evaluated, characters read or made; elements of lists count eight.
  public var steps = 20_000_000
  /// Characters of the rendered text, and of any text on the way.
  public var outputCharacters = 4_000_000
  /// Elements of a `range`, as in Jinja's sandbox.
  public var rangeCount = 100_000

  public init() {}
}
