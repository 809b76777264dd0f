#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore
import GradusFormats

/// Outputs of stages in a folder, so that what was computed once is read the next time.
///
///     let result = try pipeline.run(queries, options: RunOptions(cache: StageCache(folder: "cache")))
///
/// An entry's name is a hash of all that decides it: this version of the toolkit, the stage with its settings and the
/// fingerprints of its index or model, and the values that go in. A change of any of them is another entry, so nothing has to be
/// thrown away for correctness; the folder may be removed at any time. Stages without a fingerprint are not stored. An entry
/// begins with its length and SHA-256; one that does not fit is computed again, which the stage's report says.
public struct StageCache: Sendable {
  public let folder: String

  public init(folder: String) { self.folder = folder }

  enum Entry {
    case missing
    case damaged(String)
    case found(StageOutput)
  }

  private static let magic = "gradus-stage 1"

  static func key(_ contentKey: String, input: String) -> String {
    SHA256Digest.hex(of: Array("\(contentKey) \(input)".utf8))
  }

  func path(of key: String) -> String { "\(folder)/\(key.prefix(2))/\(key)" }

  func read(_ key: String) throws -> Entry {
    let path = path(of: key)
    let file: MappedFile
    do {
      file = try MappedFile(path: path)
    } catch {
      if error.code == ENOENT { return .missing }
      throw error
    }
    return withExtendedLifetime(file) { () -> Entry in
      guard let lineEnd = file.bytes.prefix(128).firstIndex(of: UInt8(ascii: "\n")) else { return .damaged("no first line") }
      let body = UnsafeRawBufferPointer(rebasing: file.bytes[(lineEnd + 1)...])
      var digest = SHA256Digest()
      digest.update(body)
      let expected = "\(Self.magic) \(digest.finish()) \(body.count)"
      guard String(decoding: file.bytes[..<lineEnd], as: UTF8.self) == expected else { return .damaged("checksum") }
      return StageCoding.decode(body).map(Entry.found) ?? .damaged("content")
    }
  }

  func write(_ output: StageOutput, key: String) throws {
    let path = path(of: key)
    try Folder.create("\(folder)/\(key.prefix(2))")
    let body = StageCoding.encode(output)
    let file = try OutputFile(path: path)
    try file.write("\(Self.magic) \(SHA256Digest.hex(of: body)) \(body.count)\n")
    try file.write(body)
    try file.commit()
  }
}
