/// Text that is not JSON, or JSON of another shape than the reader needs.
public struct JSONError: GradusError, Equatable {
  public enum Reason: Equatable, Sendable {
    /// The text stops in the middle of a value.
    case unexpectedEnd
    /// Something else stands where `expected` (for example "a string") is needed.
    case expected(String)
    /// A backslash sequence that JSON does not know, or half of a surrogate pair.
    case invalidEscape
    /// A control character inside a string, which JSON wants escaped.
    case controlCharacter
    /// More than ``JSONScanner/maximumDepth`` values inside each other.
    case tooDeep
    /// Something follows the value.
    case trailingBytes
  }

  /// Byte offset in the text, from 0.
  public let offset: Int
  public let reason: Reason

  public init(offset: Int, reason: Reason) {
    self.offset = offset
    self.reason = reason
  }

  public var failureKind: FailureKind { .badData }

  public var description: String {
    let what =
      switch reason {
      case .unexpectedEnd: "the text ends inside a value"
      case .expected(let wanted): "expected \(wanted)"
      case .invalidEscape: "invalid escape in a string"
      case .controlCharacter: "a control character in a string must be escaped"
      case .tooDeep: "more than \(JSONScanner.maximumDepth) nested values"
      case .trailingBytes: "something follows the end of the value"
      }
    return "not valid JSON at byte \(offset + 1): \(what)"
  }
}
