/// The documents of a segment that are not deleted, and their places among each other.
///
/// What users of an index see are live documents, numbered in the order in which they were added: numbers, and all that is kept
/// by them, are the same however the documents are spread over segments.
struct LiveDocuments: Sendable {
  /// Of the segment, deleted ones included.
  let documents: Int
  /// Live ones.
  let count: Int
  /// Nil where all are live.
  let set: DocumentSet?
  /// Live documents before each word of the set.
  private let before: [UInt32]

  /// All documents.
  init(documents: Int) {
    self.documents = documents
    count = documents
    set = nil
    before = []
  }

  init(deleted: DocumentSet) {
    documents = deleted.documents
    var live = deleted
    live.formComplement()
    var before: [UInt32] = []
    before.reserveCapacity(live.words.count)
    var sum = 0
    for word in live.words {
      before.append(UInt32(sum))
      sum += word.nonzeroBitCount
    }
    count = sum
    set = sum == documents ? nil : live
    self.before = sum == documents ? [] : before
  }

  func contains(_ doc: Int) -> Bool { set.map { $0.contains(DocIndex(doc)) } ?? (doc < documents) }

  /// Live documents before one. O(1).
  func rank(_ doc: Int) -> Int {
    guard let set else { return doc }
    return Int(before[doc / 64]) + (set.words[doc / 64] & ((1 << UInt64(doc % 64)) - 1)).nonzeroBitCount
  }

  /// The live document with so many live ones before it. O(log n).
  ///
  /// - Parameter rank: `0..<count`.
  func document(rank: Int) -> Int {
    guard let set else { return rank }
    var low = 0, high = before.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if Int(before[middle]) <= rank { low = middle } else { high = middle }
    }
    var word = set.words[low]
    for _ in 0..<rank - Int(before[low]) { word &= word - 1 }
    return low * 64 + word.trailingZeroBitCount
  }

  /// The live documents that a set of live numbers has, by their numbers in the segment.
  ///
  /// - Parameters:
  ///   - numbers: Of live documents of an index.
  ///   - first: Number of the segment's first live document there.
  func documents(in numbers: DocumentSet, from first: Int) -> DocumentSet {
    var words: [UInt64] = []
    words.reserveCapacity((documents + 63) / 64)
    for place in 0..<(documents + 63) / 64 {
      let wanted = documents - 64 * place >= 64 ? UInt64.max : (1 << UInt64(documents - 64 * place)) - 1
      guard let set else {
        words.append(numbers.bits(from: first + 64 * place) & wanted)
        continue
      }
      let bits = numbers.bits(from: first + Int(before[place]))
      words.append(Self.deposit(bits, at: set.words[place]))
    }
    return DocumentSet(documents: documents, words: words)
  }

  /// The documents of the segment that may be retrieved, by their numbers there; nil for all.
  ///
  /// - Parameters:
  ///   - filter: Of live documents of an index; nil for all.
  ///   - first: Number of the segment's first live document there.
  ///   - count: Live documents of the index.
  func allowed(_ filter: DocumentSet?, from first: Int, of count: Int) -> DocumentSet? {
    guard let filter else { return set }
    return set == nil && documents == count ? filter : documents(in: filter, from: first)
  }

  /// Adds documents of the segment, given by their numbers there, to a set of live numbers; deleted ones are left out.
  func insert(_ local: DocumentSet, into numbers: inout DocumentSet, from first: Int) {
    for (place, word) in local.words.enumerated() {
      var left = set.map { word & $0.words[place] } ?? word
      while left != 0 {
        numbers.insert(first + rank(64 * place + left.trailingZeroBitCount))
        left &= left - 1
      }
    }
  }

  /// The lowest bits of a word, spread over the places of the bits of another.
  private static func deposit(_ bits: UInt64, at mask: UInt64) -> UInt64 {
    if mask == .max || bits == 0 { return bits & mask }
    var result: UInt64 = 0
    var left = mask, source = bits
    while left != 0 && source != 0 {
      if source & 1 == 1 { result |= left & (~left &+ 1) }
      source >>= 1
      left &= left - 1
    }
    return result
  }
}
