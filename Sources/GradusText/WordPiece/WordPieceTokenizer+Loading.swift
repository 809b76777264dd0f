#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

extension WordPieceTokenizer {
  /// What a tokenizer is made of.
  struct Description {
    var vocabulary: [(bytes: [UInt8], id: Int32)] = []
    var continuationPrefix = "##"
    var maximumWordCharacters = 100
    var unknownID: Int32 = 0
    var normalizer = BertNormalizer()
    var addedTokens: [AddedToken] = []
    var template = TokenizerTemplate(single: [], pair: [])
  }

  /// Loads `tokenizer.json`, or `vocab.txt` where the folder has only that (lower-casing, as BERT's uncased models do).
  ///
  /// - Throws: ``TokenizerError``; `FileError` where a file cannot be read.
  public convenience init(folder: String) throws {
    if access(folder + "/tokenizer.json", F_OK) == 0 {
      try self.init(tokenizerJSON: folder + "/tokenizer.json")
    } else if access(folder + "/vocab.txt", F_OK) == 0 {
      try self.init(vocabulary: folder + "/vocab.txt")
    } else {
      throw TokenizerError.missingFiles(folder: folder)
    }
  }

  /// Loads a Hugging Face `tokenizer.json` with a WordPiece model, BERT's normalizer and pre-tokenizer.
  public convenience init(tokenizerJSON path: String) throws {
    let bytes = try Self.contents(path)
    self.init(try bytes.withUnsafeBufferPointer { try TokenizerJSONParser.parse($0, path: path) })
  }

  /// Loads a vocabulary with one piece a line, the line number being its id.
  ///
  /// - Parameter lowercase: Lower-case and strip accents (`do_lower_case`).
  public convenience init(vocabulary path: String, lowercase: Bool = true) throws {
    var description = Description()
    var seen: Set<[UInt8]> = []
    var lines = try Self.contents(path).split(separator: 0x0A, omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    for (number, line) in lines.enumerated() {
      let piece = Array(line.last == 0x0D ? line.dropLast() : line)
      guard seen.insert(piece).inserted else {
        throw TokenizerError.duplicateToken(path: path, token: String(decoding: piece, as: UTF8.self))
      }
      description.vocabulary.append((piece, Int32(number)))
    }
    func id(_ token: String) throws -> Int32 {
      guard let found = description.vocabulary.first(where: { $0.bytes.elementsEqual(token.utf8) }) else {
        throw TokenizerError.unknownToken(path: path, token: token)
      }
      return found.id
    }
    description.unknownID = try id("[UNK]")
    description.template = .bert(classify: try id("[CLS]"), separate: try id("[SEP]"))
    description.normalizer.stripsAccents = lowercase
    description.normalizer.lowercases = lowercase
    for token in ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] where seen.contains(Array(token.utf8)) {
      description.addedTokens.append(AddedToken(bytes: Array(token.utf8), id: try id(token), isSingleWord: false))
    }
    self.init(description)
  }

  static func contents(_ path: String) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(.open, path: path, code: errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      if count == 0 { break }
      if count < 0 {
        if errno == EINTR { continue }
        throw FileError(.read, path: path, code: errno)
      }
      bytes.append(contentsOf: chunk[..<count])
    }
    if let offset = bytes.withUnsafeBufferPointer(UTF8Validation.firstInvalidByte) {
      throw TokenizerError.notUTF8(path: path, offset: offset)
    }
    return bytes
  }
}
