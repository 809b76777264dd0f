import GradusCore

/// Whole text files, for formats that are small or have no lines.
enum TextFile {
  /// The file's UTF-8 bytes, unpacked, without a byte order mark.
  ///
  /// - Throws: ``TextFileError`` at the first byte that is not UTF-8, ``GzipError``, `FileError`.
  static func read(_ path: String) throws -> [UInt8] {
    let source = try ByteSource(path: path)
    var text: [UInt8] = []
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      let count = try source.read(into: buffer)
      if count == 0 { break }
      text.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
    if text.starts(with: [0xFF, 0xFE]) || text.starts(with: [0xFE, 0xFF]) {
      throw TextFileError(file: path, line: 1, column: 1, reason: .utf16)
    }
    if let bad = text.withUnsafeBufferPointer(UTF8Validation.firstInvalidByte) {
      let before = text[..<bad]
      let line = before.count { $0 == 0x0A } + 1
      let column = bad - (before.lastIndex(of: 0x0A) ?? -1)
      throw TextFileError(file: path, line: line, column: column, reason: .invalidUTF8(byte: text[bad]))
    }
    if text.starts(with: [0xEF, 0xBB, 0xBF]) { text.removeFirst(3) }
    return text
  }
}
