/// Some of the documents of an index, one bit each.
///
///     var recent = try index.documents(matching: MetadataFilter(parsing: "year>=2020"))
///     recent.formIntersection(try index.documents(matching: MetadataFilter(parsing: "lang=en")))
///     let result = try index.search("solar power", filter: recent)
public struct DocumentSet: Sendable, Equatable {
  /// Documents of the index.
  public let documents: Int
  /// Bits beyond the last document are 0.
  private(set) var words: [UInt64]

  /// No documents.
  public init(documents: Int) {
    self.documents = documents
    words = [UInt64](repeating: 0, count: (documents + 63) / 64)
  }

  /// - Precondition: There are as many words as the documents need, and bits beyond the last one are 0.
  init(documents: Int, words: [UInt64]) {
    self.documents = documents
    self.words = words
  }

  /// - Returns: Nil where the words are too few or too many, or a bit beyond the last document is set.
  init?(documents: Int, checking words: [UInt64]) {
    guard words.count == (documents + 63) / 64 else { return nil }
    if documents % 64 != 0, let last = words.last, last >> UInt64(documents % 64) != 0 { return nil }
    self.init(documents: documents, words: words)
  }

  /// All documents.
  public static func all(documents: Int) -> DocumentSet {
    var set = DocumentSet(documents: documents)
    set.formComplement()
    return set
  }

  /// Members. O(documents / 64).
  public var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

  /// O(1); false for numbers beyond the index.
  public func contains(_ doc: DocIndex) -> Bool {
    doc.position < documents && words[doc.position / 64] >> UInt64(doc.position % 64) & 1 == 1
  }

  /// The same for a number that is known to be of the index.
  @inline(__always)
  func contains(_ doc: Int) -> Bool { words[doc >> 6] >> UInt64(doc & 63) & 1 == 1 }

  /// - Precondition: A document of the index.
  public mutating func insert(_ doc: DocIndex) {
    precondition(doc.position < documents, "document \(doc.position) of \(documents)")
    insert(doc.position)
  }

  mutating func insert(_ doc: Int) { words[doc / 64] |= 1 << UInt64(doc % 64) }

  mutating func remove(_ doc: Int) { words[doc / 64] &= ~(1 << UInt64(doc % 64)) }

  /// - Precondition: Both sets are of the same index.
  public mutating func formIntersection(_ other: DocumentSet) {
    precondition(documents == other.documents, "sets of different indexes")
    for place in words.indices { words[place] &= other.words[place] }
  }

  /// - Precondition: Both sets are of the same index.
  public mutating func formUnion(_ other: DocumentSet) {
    precondition(documents == other.documents, "sets of different indexes")
    for place in words.indices { words[place] |= other.words[place] }
  }

  /// - Precondition: Both sets are of the same index.
  mutating func formDifference(_ other: DocumentSet) {
    precondition(documents == other.documents, "sets of different indexes")
    for place in words.indices { words[place] &= ~other.words[place] }
  }

  /// All documents of the index that were no members.
  public mutating func formComplement() {
    for place in words.indices { words[place] = ~words[place] }
    if documents % 64 != 0, let last = words.indices.last { words[last] &= (1 << UInt64(documents % 64)) - 1 }
  }

  /// - Throws: ``IndexError/invalidQuery(_:)`` where the set is of an index with another number of documents.
  func requireSize(_ documents: Int) throws {
    guard self.documents == documents else {
      throw IndexError.invalidQuery("the filter is of \(self.documents) documents, the index of \(documents)")
    }
  }

  /// Members in ascending order.
  func numbers() -> [UInt32] {
    var result: [UInt32] = []
    result.reserveCapacity(count)
    for (place, word) in words.enumerated() {
      var left = word
      while left != 0 {
        result.append(UInt32(place << 6 + left.trailingZeroBitCount))
        left &= left - 1
      }
    }
    return result
  }

  /// Whether the set has none of some documents.
  func isEmpty(in range: Range<Int>) -> Bool {
    var doc = range.lowerBound
    while doc + 64 <= range.upperBound {
      if bits(from: doc) != 0 { return false }
      doc += 64
    }
    return doc == range.upperBound || bits(from: doc) & ((1 << UInt64(range.upperBound - doc)) - 1) == 0
  }

  /// 64 documents from any one on, as bits from the lowest.
  func bits(from doc: Int) -> UInt64 {
    let word = doc / 64, shift = UInt64(doc % 64)
    let low = word < words.count ? words[word] >> shift : 0
    return shift == 0 || word + 1 >= words.count ? low : low | words[word + 1] << (64 - shift)
  }
}
