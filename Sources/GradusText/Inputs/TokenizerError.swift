import GradusCore

/// A tokenizer that cannot be loaded, or a text that does not fit.
public enum TokenizerError: GradusError, Equatable {
  /// Neither `tokenizer.json` nor `vocab.txt` is in the folder.
  case missingFiles(folder: String)
  case notUTF8(path: String, offset: Int)
  case notJSON(path: String, error: JSONError)
  /// A part of `tokenizer.json` that this tokenizer does not implement, by its JSON path and value.
  case unsupported(path: String, part: String, value: String)
  /// A part that must be there.
  case missing(path: String, part: String)
  /// A token that the vocabulary lacks although it is needed, such as `[UNK]`.
  case unknownToken(path: String, token: String)
  case duplicateToken(path: String, token: String)
  /// The text has more tokens than the model takes, and the policy is to refuse it.
  case tooLong(tokens: Int, maximum: Int)
  /// No room is left for the document beside the query and the special tokens.
  case noRoom(maximum: Int, needed: Int)

  public var failureKind: FailureKind {
    switch self {
    case .missingFiles: .missingInput
    case .tooLong: .badData
    case .noRoom: .usage
    default: .badData
    }
  }

  public var description: String {
    switch self {
    case .missingFiles(let folder): "\(folder): holds neither tokenizer.json nor vocab.txt"
    case .notUTF8(let path, let offset): "\(path): not UTF-8 at byte \(offset + 1)"
    case .notJSON(let path, let error): "\(path): \(error)"
    case .unsupported(let path, let part, let value):
      "\(path): \(part) '\(value)' is not supported; WordPiece, BPE and Unigram tokenizers of the usual form are"
    case .missing(let path, let part): "\(path): \(part) is missing"
    case .unknownToken(let path, let token): "\(path): the vocabulary has no '\(token)'"
    case .duplicateToken(let path, let token): "\(path): '\(token)' is in the vocabulary twice"
    case .tooLong(let tokens, let maximum):
      "the text has \(tokens) tokens, the model takes \(maximum); shorten it or allow truncation"
    case .noRoom(let maximum, let needed):
      "\(maximum) tokens leave no room for a document: query and special tokens need \(needed)"
    }
  }
}
