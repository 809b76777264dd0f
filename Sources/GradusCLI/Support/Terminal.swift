#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What standard output can show.
struct Terminal {
  /// False on a pipe: no control sequences then.
  let isInteractive: Bool
  /// Columns of a line.
  let width: Int

  /// Standard output as it is: its own width on a terminal, `$COLUMNS` or 100 on a pipe.
  static var standardOutput: Terminal {
    let isInteractive = isatty(STDOUT_FILENO) == 1
    var size = winsize()
    if isInteractive, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 {
      return Terminal(isInteractive: true, width: max(40, Int(size.ws_col)))
    }
    let columns = getenv("COLUMNS").flatMap { Int(String(cString: $0)) } ?? 100
    return Terminal(isInteractive: isInteractive, width: min(max(40, columns), 1000))
  }

  func bold(_ text: String) -> String { isInteractive ? "\u{1B}[1m\(text)\u{1B}[22m" : text }
  func dim(_ text: String) -> String { isInteractive ? "\u{1B}[2m\(text)\u{1B}[22m" : text }
}

/// Columns that text takes up on a terminal: two for the wide characters of East Asia and for emoji, none for marks.
enum DisplayWidth {
  static func of(_ text: some StringProtocol) -> Int { text.reduce(0) { $0 + of($1) } }

  static func of(_ character: Character) -> Int {
    guard let first = character.unicodeScalars.first else { return 0 }
    if first.isASCII { return 1 }
    switch first.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format, .control: return 0
    default: break
    }
    switch first.value {
    case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6,
      0x1F300...0x1FAFF, 0x20000...0x3FFFD:
      return 2
    default: return 1
    }
  }
}
