import GradusCore

/// A text file that is not UTF-8.
public struct TextFileError: GradusError, Equatable {
  public enum Reason: Equatable, Sendable {
    /// `byte` cannot stand where it does.
    case invalidUTF8(byte: UInt8)
    /// The file starts with the byte order mark of UTF-16 or UTF-32.
    case utf16
  }

  public let file: String
  /// From 1.
  public let line: Int
  /// In bytes, from 1.
  public let column: Int
  public let reason: Reason

  public init(file: String, line: Int, column: Int, reason: Reason) {
    self.file = file
    self.line = line
    self.column = column
    self.reason = reason
  }

  public var failureKind: FailureKind { .badData }

  public var description: String {
    switch reason {
    case .invalidUTF8(let byte):
      "\(file):\(line):\(column): byte 0x\(String(byte, radix: 16)) is not UTF-8; convert the file first "
        + "(iconv -f latin1 -t utf-8, if it is Latin-1)"
    case .utf16: "\(file): the file is UTF-16; convert it to UTF-8 first (iconv -f utf-16 -t utf-8)"
    }
  }
}
