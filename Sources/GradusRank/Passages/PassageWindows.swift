/// Overlapping windows of words over a text.
///
///     PassageWindows(size: 3, stride: 2).passages(of: "a b c d e f")   // ["a b c", "c d e", "e f"]
///
/// Words are what white space separates; the text between a window's first and last word stays as it is. The last window ends
/// with the text and may be shorter. A text without words is one empty passage, so that every document has a score.
public struct PassageWindows: Sendable, Hashable {
  /// Words of a window.
  public let size: Int
  /// Words from one window's start to the next one's.
  public let stride: Int

  /// Windows of 150 words that begin every 75, as in Dai and Callan (SIGIR 2019), unless said otherwise; `stride` from 1 to
  /// `size`, so that no word is left out.
  public init(size: Int = 150, stride: Int = 75) {
    precondition(stride >= 1 && stride <= size, "the stride \(stride) must be from 1 to the window's size, \(size)")
    self.size = size
    self.stride = stride
  }

  /// The windows in order; O(text).
  public func passages(of text: String, atMost limit: Int = .max) -> [String] {
    let words = text.split(whereSeparator: \.isWhitespace)
    guard !words.isEmpty, limit > 0 else { return limit > 0 ? [""] : [] }
    var passages: [String] = []
    var start = 0
    while passages.count < limit {
      let end = min(start + size, words.count)
      passages.append(String(text[words[start].startIndex..<words[end - 1].endIndex]))
      guard end < words.count else { break }
      start += stride
    }
    return passages
  }
}
