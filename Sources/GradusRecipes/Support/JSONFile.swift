#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore
import GradusFormats

/// Small JSON files with sorted keys, written whole or not at all.
enum JSONFile {
  static func encode(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
  }

  static func write(_ value: some Encodable, to path: String) throws {
    let file = try OutputFile(path: path)
    try file.write(try encode(value))
    try file.commit()
  }

  /// - Throws: `FileError`; ``JSONFileError`` where the file holds something else.
  static func read<Value: Decodable>(_ type: Value.Type, from path: String) throws -> Value {
    let file = try MappedFile(path: path)
    do {
      return try JSONDecoder().decode(type, from: withExtendedLifetime(file) { Data(file.bytes) })
    } catch is DecodingError {
      throw JSONFileError(path: path)
    }
  }
}

/// A file of ours that is not what was written.
public struct JSONFileError: GradusError, Equatable {
  public let path: String

  public var failureKind: FailureKind { .badData }
  public var description: String { "\(path): not the JSON that was written here; remove the file and run the command again" }
}
