/// Cuts a line into fields at white space, without allocating.
struct FieldSplitter {
  private let line: UnsafeBufferPointer<UInt8>
  private var offset = 0

  init(_ line: UnsafeBufferPointer<UInt8>) { self.line = line }

  /// The next field, or nil where only white space is left.
  mutating func next() -> UnsafeBufferPointer<UInt8>? {
    while offset < line.count, Self.isSpace(line[offset]) { offset += 1 }
    guard offset < line.count else { return nil }
    let start = offset
    while offset < line.count, !Self.isSpace(line[offset]) { offset += 1 }
    return UnsafeBufferPointer(rebasing: line[start..<offset])
  }

  /// How many fields the whole line has: for messages.
  static func count(in line: UnsafeBufferPointer<UInt8>) -> Int {
    var splitter = FieldSplitter(line)
    var count = 0
    while splitter.next() != nil { count += 1 }
    return count
  }

  /// Space, tab, vertical tab, form feed, carriage return, newline.
  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte &- 0x09 < 5 }
}

/// Cuts a line into fields at tabs; fields may be empty.
struct TabSplitter {
  private let line: UnsafeBufferPointer<UInt8>
  private var offset = 0

  init(_ line: UnsafeBufferPointer<UInt8>) { self.line = line }

  mutating func next() -> UnsafeBufferPointer<UInt8>? {
    guard offset <= line.count else { return nil }
    let rest = line[offset...]
    let end = rest.firstIndex(of: 0x09) ?? line.count
    defer { offset = end + 1 }
    return UnsafeBufferPointer(rebasing: line[offset..<end])
  }

  static func count(in line: UnsafeBufferPointer<UInt8>) -> Int { line.count { $0 == 0x09 } + 1 }
}

extension String {
  /// For bytes that are known to be UTF-8.
  init(utf8 bytes: UnsafeBufferPointer<UInt8>) { self.init(decoding: bytes, as: UTF8.self) }

  /// Whether the text can stand in a column of a TREC file.
  var isColumn: Bool { !utf8.isEmpty && !utf8.contains(where: FieldSplitter.isSpace) }
}
