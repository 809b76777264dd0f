#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// Streams the lines of a text file as UTF-8 bytes.
///
///     let reader = try LineReader(path: "corpus.jsonl.gz")
///     while let line = try reader.next() { print(reader.lineNumber, line.count) }
///
/// Reads plain and gzip files (told by content) and `-` for standard input; takes LF and CRLF; skips a UTF-8 byte order
/// mark; the last line need not end in a newline. Memory is the longest line and half a megabyte.
public final class LineReader {
  /// As given, for messages.
  public let path: String
  /// Number of the line that ``next()`` returned last, from 1; 0 before the first.
  public private(set) var lineNumber = 0

  private let source: ByteSource
  private var buffer: UnsafeMutableRawBufferPointer
  /// The bytes in `buffer` that have not been handed out yet.
  private var pending = 0..<0
  private var sourceEnded = false
  /// Up to here `pending` has no newline.
  private var searched = 0
  private var lastLine: Range<Int>?

  /// - Throws: `FileError` if the file cannot be opened; ``GzipError`` if it is compressed in another way or named
  ///   `.gz` without being so.
  public init(path: String) throws {
    self.path = path
    source = try ByteSource(path: path)
    buffer = .allocate(byteCount: 1 << 18, alignment: 16)
  }

  deinit { buffer.deallocate() }

  /// The part of the file that has been read, 0 to 1, packed bytes counted where it is packed; nil for pipes.
  public var partRead: Double? { source.partRead }

  /// The next line without its line break, or nil after the last. The bytes are valid until the next call and while
  /// the reader lives.
  ///
  /// - Throws: ``TextFileError`` at the first byte that is not UTF-8, ``GzipError``, `FileError`.
  public func next() throws -> UnsafeBufferPointer<UInt8>? {
    while true {
      if let newline = indexOfNewline() {
        let line = pending.lowerBound..<newline
        pending = (newline + 1)..<pending.upperBound
        searched = pending.lowerBound
        return try deliver(line)
      }
      searched = pending.upperBound
      if sourceEnded {
        guard !pending.isEmpty else { return nil }
        let line = pending
        pending = pending.upperBound..<pending.upperBound
        return try deliver(line)
      }
      try refill()
    }
  }

  /// Makes ``next()`` return the last line once more: for readers that look at the first line to tell the format.
  func unread() {
    guard let lastLine else { return }
    pending = lastLine.lowerBound..<pending.upperBound
    searched = pending.lowerBound
    lineNumber -= 1
    self.lastLine = nil
  }

  /// Calls `body` with each remaining line and its number.
  public func forEachLine(_ body: (_ line: UnsafeBufferPointer<UInt8>, _ number: Int) throws -> Void) throws {
    while let line = try next() { try body(line, lineNumber) }
  }

  private func indexOfNewline() -> Int? {
    guard searched < pending.upperBound, let base = buffer.baseAddress else { return nil }
    guard let found = memchr(base + searched, 0x0A, pending.upperBound - searched) else { return nil }
    return found - UnsafeMutableRawPointer(base)
  }

  private func deliver(_ range: Range<Int>) throws -> UnsafeBufferPointer<UInt8> {
    lineNumber += 1
    lastLine = range
    var line = UnsafeBufferPointer(rebasing: UnsafeRawBufferPointer(buffer).bindMemory(to: UInt8.self)[range])
    var skipped = 0
    if lineNumber == 1 {
      if line.starts(with: [0xFF, 0xFE]) || line.starts(with: [0xFE, 0xFF]) {
        throw TextFileError(file: path, line: 1, column: 1, reason: .utf16)
      }
      if line.starts(with: [0xEF, 0xBB, 0xBF]) {
        skipped = 3
        line = UnsafeBufferPointer(rebasing: line[3...])
      }
    }
    if let bad = UTF8Validation.firstInvalidByte(in: line) {
      throw TextFileError(file: path, line: lineNumber, column: bad + skipped + 1, reason: .invalidUTF8(byte: line[bad]))
    }
    if line.last == 0x0D { line = UnsafeBufferPointer(rebasing: line.dropLast()) }
    return line
  }

  /// Moves what is pending to the front, makes room where a line fills the buffer, and reads on.
  private func refill() throws {
    if pending.count > buffer.count / 2 {
      let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: buffer.count * 2, alignment: 16)
      larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[pending]))
      buffer.deallocate()
      buffer = larger
    } else if pending.lowerBound > 0 {
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[pending]))
    }
    searched -= pending.lowerBound
    pending = 0..<pending.count
    let count = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[pending.count...]))
    if count == 0 { sourceEnded = true }
    pending = 0..<(pending.count + count)
  }
}
