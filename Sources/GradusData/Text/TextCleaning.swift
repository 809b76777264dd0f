extension StringProtocol {
  /// Runs of white space become one blank; none at the ends. Blanks are those of ASCII and the no-break space.
  var squeezed: String {
    let bytes = Array(utf8)
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    var isPending = false
    var position = 0
    while position < bytes.count {
      let byte = bytes[position]
      let isNoBreakSpace = byte == 0xC2 && position + 1 < bytes.count && bytes[position + 1] == 0xA0
      if isNoBreakSpace || byte == 0x20 || (0x09...0x0D).contains(byte) {
        isPending = !result.isEmpty
        position += isNoBreakSpace ? 2 : 1
        continue
      }
      if isPending { result.append(0x20) }
      isPending = false
      result.append(byte)
      position += 1
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// How many pieces white space separates.
  var wordCount: Int {
    var count = 0
    var isInside = false
    for byte in utf8 {
      let isBlank = byte == 0x20 || (0x09...0x0D).contains(byte)
      if !isBlank && !isInside { count += 1 }
      isInside = !isBlank
    }
    return count
  }
}

/// A text as leak and duplicate checks compare it: lower-case words, one blank between them, punctuation gone.
///
///     NormalizedText("Why is int() broken?").key   // "why is int broken"
///
/// Letters and digits of ASCII and all characters beyond it belong to words, except typographic punctuation (U+2000 to
/// U+207F) and the signs up to U+00BF.
struct NormalizedText {
  private(set) var bytes: [UInt8] = []
  /// Where each word begins in `bytes`.
  private(set) var starts: [Int] = []

  init(_ text: some StringProtocol) {
    bytes.reserveCapacity(text.utf8.count)
    var isPending = true
    var skipped = 0
    var lead: UInt8 = 0
    for byte in text.utf8 {
      if skipped > 0 {
        // Inside a character that began with 0xC2 or 0xE2: its next byte decides.
        skipped -= 1
        if lead == 0xE2 && skipped == 1 && byte != 0x80 && byte != 0x81 {
          begin(&isPending)
          bytes += [lead, byte]
          skipped = 0
        } else if skipped == 0 {
          isPending = true
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
        begin(&isPending)
        bytes.append(byte)
      case UInt8(ascii: "A")...UInt8(ascii: "Z"):
        begin(&isPending)
        bytes.append(byte | 0x20)
      case 0xC2:
        lead = byte
        skipped = 1
      case 0xE2:
        lead = byte
        skipped = 2
      case 0x80...:
        begin(&isPending)
        bytes.append(byte)
      default:
        isPending = true
      }
    }
  }

  /// Starts a word where the text before ended one.
  private mutating func begin(_ isPending: inout Bool) {
    guard isPending else { return }
    isPending = false
    if !bytes.isEmpty { bytes.append(0x20) }
    starts.append(bytes.count)
  }

  var key: String { String(decoding: bytes, as: UTF8.self) }

  /// The words from number `first`, `count` of them, with the blanks between.
  func words(_ first: Int, _ count: Int) -> ArraySlice<UInt8> {
    let end = first + count < starts.count ? starts[first + count] - 1 : bytes.count
    return bytes[starts[first]..<end]
  }
}
