import GradusCore
import GradusFormats

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
}
