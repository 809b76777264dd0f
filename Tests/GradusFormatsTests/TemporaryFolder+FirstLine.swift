import GradusFormats
import GradusTestSupport
import Testing

extension TemporaryFolder {
  /// The first line of a file, packed or not.
  func firstLine(_ name: String) throws -> String {
    let reader = try LineReader(path: path(name))
    let line = try #require(try reader.next())
    return withExtendedLifetime(reader) { String(decoding: line, as: UTF8.self) }
  }
}
