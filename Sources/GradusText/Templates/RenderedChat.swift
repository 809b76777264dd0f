/// A conversation as a model reads it, and which parts of it came from the messages.
public struct RenderedChat: Sendable, Equatable {
  public let text: String
  /// UTF-8 bytes of `text` that came from the messages' contents, in order and apart from each other. All others were written
  /// by the template.
  public let contentRanges: [Range<Int>]

  init(_ rendered: TemplateText) {
    var ranges: [Range<Int>] = []
    var length = 0
    var view = String.UnicodeScalarView()
    for value in rendered.scalars {
      guard let scalar = TemplateText.scalar(value) else { continue }
      let width = UTF8.width(scalar)
      if value & TemplateText.inputFlag != 0 {
        if let last = ranges.last, last.upperBound == length {
          ranges[ranges.count - 1] = last.lowerBound..<(length + width)
        } else {
          ranges.append(length..<(length + width))
        }
      }
      view.append(scalar)
      length += width
    }
    text = String(view)
    contentRanges = ranges
  }

  /// Whether any byte of the range came from a message. O(log ranges).
  func isContent(_ bytes: Range<Int>) -> Bool {
    var low = 0
    var high = contentRanges.count
    while low < high {
      let middle = (low + high) / 2
      if contentRanges[middle].upperBound <= bytes.lowerBound { low = middle + 1 } else { high = middle }
    }
    return low < contentRanges.count && contentRanges[low].lowerBound < bytes.upperBound
  }
}
