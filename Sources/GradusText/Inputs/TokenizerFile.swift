#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// Finds out which tokenizer a model folder holds.
public enum TokenizerFile {
  /// The encoder's tokenizer of a folder: `tokenizer.json` with a WordPiece, BPE or Unigram model, else `vocab.txt`.
  ///
  ///     let tokenizer = try TokenizerFile.inputTokenizer(folder: "models/minilm-l6")
  ///
  /// - Throws: ``TokenizerError``, with the type's name where the model is another; `FileError`.
  public static func inputTokenizer(folder: String) throws -> any InputTokenizer {
    let path = folder + "/tokenizer.json"
    guard access(path, F_OK) == 0 else { return try WordPieceTokenizer(folder: folder) }
    let bytes = try WordPieceTokenizer.contents(path)
    switch try bytes.withUnsafeBufferPointer({ try modelType($0, path: path) }) {
    case "WordPiece": return try WordPieceTokenizer(tokenizerJSON: path)
    case "Unigram": return try UnigramTokenizer(tokenizerJSON: path)
    case "BPE":
      guard let tokenizer = BytePairInputTokenizer(try BytePairTokenizer(tokenizerJSON: path)) else {
        throw TokenizerError.missing(path: path, part: "post_processor")
      }
      return tokenizer
    case let other: throw TokenizerError.unsupported(path: path, part: "model.type", value: other)
    }
  }

  /// `model.type`; older files leave it out, and the other keys tell.
  private static func modelType(_ bytes: UnsafeBufferPointer<UInt8>, path: String) throws -> String {
    var scanner = JSONScanner(bytes)
    var key: [UInt8] = []
    var type: String?
    var guess = "WordPiece"
    do {
      try scanner.beginObject()
      while try scanner.nextKey(into: &key) {
        guard key.elementsEqual("model".utf8), try scanner.peek() == .object else {
          try scanner.skipValue()
          continue
        }
        try scanner.beginObject()
        while try scanner.nextKey(into: &key) {
          switch String(decoding: key, as: UTF8.self) {
          case "type" where try scanner.peek() == .string: type = try scanner.readString()
          case "merges":
            guess = "BPE"
            try scanner.skipValue()
          case "vocab" where try scanner.peek() == .array:
            guess = "Unigram"
            try scanner.skipValue()
          default: try scanner.skipValue()
          }
        }
      }
    } catch {
      throw TokenizerError.notJSON(path: path, error: error)
    }
    return type ?? guess
  }
}
