/// What an order of the documents by ``GraphBisection`` saves, and what it costs.
public struct ReorderingReport: Sendable, Codable, Equatable {
  /// The mean of log2 of the gaps between documents in posting lists, each from 1 up: how many bits the numbers of documents need
  /// at least in a code that knows nothing but the gaps.
  public let bitsPerGapBefore: Double
  public let bitsPerGapAfter: Double
  /// Of finding the order and writing the segment in it.
  public let seconds: Double
}

/// The mean of log2 of the gaps in posting lists.
struct GapBits {
  private var sum = 0.0
  private var gaps = 0
  private let logarithms: BinaryLogarithms

  init(documents: Int) { logarithms = BinaryLogarithms(greatest: documents) }

  /// Adds a list, documents in the high 32 bits and ascending; its first gap is from before document 0.
  mutating func add(_ list: UnsafeBufferPointer<UInt64>) {
    var next = 0
    for posting in list {
      let doc = Int(posting >> 32)
      sum += logarithms[doc - next + 1]
      next = doc + 1
    }
    gaps += list.count
  }

  /// 0 without postings.
  var mean: Double { gaps == 0 ? 0 : sum / Double(gaps) }
}
