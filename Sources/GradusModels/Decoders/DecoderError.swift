import GradusCore

/// Why a decoder cannot be loaded or cannot compute what it is asked for.
public enum DecoderError: GradusError, Equatable {
  /// The file's architecture is none of ``DecoderConfiguration/Architecture``.
  case unsupportedArchitecture(file: String, found: String)
  /// The configuration lacks a value or contradicts itself.
  case configuration(file: String, reason: String)
  /// The weights lack a tensor that the configuration asks for.
  case missingTensor(file: String, name: String)
  /// The weights hold tensors that the architecture has no place for.
  case unexpectedTensors(file: String, names: [String])
  /// A tensor's shape contradicts the configuration; row-major.
  case shape(file: String, name: String, expected: [Int], found: [Int])
  /// A row of a tensor holds NaN or infinity.
  case notFinite(file: String, name: String, row: Int)
  /// A tensor's element type cannot be read.
  case unsupportedType(file: String, name: String, type: String)
  /// More tokens than the model has positions for.
  case contextExceeded(tokens: Int, limit: Int)
  /// An id that is no row of the embedding table.
  case tokenOutOfRange(token: Int32, index: Int, vocabularySize: Int)
  /// A call without a token.
  case noTokens
  /// A position that the call's tokens do not have.
  case positionOutOfRange(position: Int, count: Int)
  /// A cache of another decoder.
  case foreignCache
  /// A cache cannot be cut to more tokens than it holds.
  case truncation(to: Int, count: Int)
  /// An option outside its range.
  case option(name: String, value: String, allowed: String)
  /// A constraint that leaves no token to go on with, after this many.
  case nothingAllowed(after: Int)
  /// A pattern of tokens that is not well formed.
  case pattern(reason: String)

  public var failureKind: FailureKind {
    switch self {
    case .unsupportedArchitecture, .configuration, .missingTensor, .unexpectedTensors, .shape, .notFinite, .unsupportedType:
      .badData
    default: .usage
    }
  }

  public var description: String {
    switch self {
    case .unsupportedArchitecture(let file, let found):
      "\(file): architecture '\(found)' cannot be run; \(DecoderConfiguration.Architecture.names) can"
    case .configuration(let file, let reason): "\(file): \(reason)"
    case .missingTensor(let file, let name): "\(file): tensor '\(name)' is missing"
    case .unexpectedTensors(let file, let names):
      "\(file): \(names.count) tensors have no place in this architecture: \(names.prefix(3).joined(separator: ", "))"
        + (names.count > 3 ? " ..." : "")
    case .shape(let file, let name, let expected, let found):
      "\(file): tensor '\(name)' has shape \(found), expected \(expected) by the configuration"
    case .notFinite(let file, let name, let row): "\(file): tensor '\(name)' holds a value that is not finite in row \(row)"
    case .unsupportedType(let file, let name, let type):
      "\(file): tensor '\(name)' is \(type); F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q4_K, Q5_K and Q6_K can be read"
    case .contextExceeded(let tokens, let limit):
      "\(tokens) tokens do not fit the model's context of \(limit); shorten the text or truncate the cache"
    case .tokenOutOfRange(let token, let index, let size):
      "token \(token) at index \(index) is not below the vocabulary size \(size); take tokenizer and weights from one model"
    case .noTokens: "at least one token is needed"
    case .positionOutOfRange(let position, let count): "position \(position) is asked for, the call has \(count) tokens"
    case .foreignCache: "the cache was made by another decoder; make one with makeCache()"
    case .truncation(let to, let count): "a cache of \(count) tokens cannot be cut to \(to)"
    case .option(let name, let value, let allowed): "\(name) is \(value); allowed: \(allowed)"
    case .nothingAllowed(let after): "the constraint allows no token after \(after); check it against the tokenizer"
    case .pattern(let reason): "token pattern: \(reason)"
    }
  }
}
