import GradusFormats

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A folder for one test, removed with everything in it.
final class TemporaryFolder {
  let path: String

  init() throws {
    var template = Array("/tmp/gradus-formats-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Failure() }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  struct Failure: Error {}

  deinit { Self.remove(path) }

  /// Writes the bytes as they are, with plain system calls, and returns the path.
  @discardableResult
  func file(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
    let path = path + "/" + name
    let number = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    guard number >= 0 else { throw Failure() }
    defer { close(number) }
    let bytes = Array(bytes)
    guard write(number, bytes, bytes.count) == bytes.count else { throw Failure() }
    return path
  }

  @discardableResult
  func file(_ name: String, _ text: String) throws -> String { try file(name, text.utf8) }

  func firstLine(_ name: String) throws -> String {
    let reader = try LineReader(path: path + "/" + name)
    return try withExtendedLifetime(reader) {
      guard let line = try reader.next() else { throw Failure() }
      return String(decoding: line, as: UTF8.self)
    }
  }

  func folder(_ name: String) throws -> String {
    guard mkdir(path + "/" + name, 0o755) == 0 else { throw Failure() }
    return path + "/" + name
  }

  /// Hidden files too.
  func names() -> [String] {
    guard let stream = opendir(path) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  static func bytes(_ path: String) -> [UInt8] {
    let number = open(path, O_RDONLY)
    guard number >= 0 else { return [] }
    defer { close(number) }
    var status = stat()
    fstat(number, &status)
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    let count = read(number, &bytes, bytes.count)
    return Array(bytes.prefix(max(0, count)))
  }

  private static func remove(_ path: String) {
    if unlink(path) == 0 { return }
    if let stream = opendir(path) {
      while let entry = readdir(stream) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if name != ".", name != ".." { remove(path + "/" + name) }
      }
      closedir(stream)
    }
    rmdir(path)
  }
}
