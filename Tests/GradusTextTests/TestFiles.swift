import GradusCore
import GradusFormats

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

enum TestFiles {
  static func fixture(_ name: String) -> String {
    #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/") + "/Fixtures/" + name
  }

  static func lines(_ name: String) throws -> [[UInt8]] {
    let reader = try LineReader(path: fixture(name))
    var lines: [[UInt8]] = []
    try reader.forEachLine { line, _ in lines.append(Array(line)) }
    return lines
  }

  /// `{"text": ..., "ids": [...]}`
  static func golden(_ line: [UInt8]) throws -> (text: String, ids: [Int32]) {
    try line.withUnsafeBufferPointer { bytes in
      var scanner = JSONScanner(bytes)
      var key: [UInt8] = []
      var text = ""
      var ids: [Int32] = []
      try scanner.beginObject()
      while try scanner.nextKey(into: &key) {
        switch String(decoding: key, as: UTF8.self) {
        case "text": text = try scanner.readString()
        case "ids":
          try scanner.beginArray()
          while try scanner.nextElement() { ids.append(Int32(try scanner.readInteger())) }
        default: try scanner.skipValue()
        }
      }
      return (text, ids)
    }
  }

  static func modelFolder(_ name: String, holding file: String) -> String? {
    let home = getenv("GRADUS_HOME").map { String(cString: $0) }
      ?? getenv("HOME").map { String(cString: $0) + "/.cache/gradus" }
    guard let folder = home.map({ $0 + "/models/" + name }) else { return nil }
    return access(folder + "/" + file, R_OK) == 0 ? folder : nil
  }

  static func modelFolder(_ name: String) -> String? {
    let home = getenv("GRADUS_HOME").map { String(cString: $0) }
      ?? getenv("HOME").map { String(cString: $0) + "/.cache/gradus" }
    guard let folder = home.map({ $0 + "/models/" + name }) else { return nil }
    let isThere = access(folder + "/tokenizer.json", R_OK) == 0 && access(folder + "/vocab.txt", R_OK) == 0
    return isThere ? folder : nil
  }

  private static let folder: String = {
    var template = Array("/tmp/gradus-text-XXXXXX".utf8CString)
    return mkdtemp(&template).map { String(cString: $0) } ?? "."
  }()

  /// A new path in a folder of its own.
  static func temporary(_ name: String) -> String { "\(folder)/\(UInt64.random(in: 0 ... .max))-\(name)" }

  static func write(_ text: String, to path: String) throws {
    let file = try OutputFile(path: path)
    try file.write(text)
    try file.commit()
  }
}
