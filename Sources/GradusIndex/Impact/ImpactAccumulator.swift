/// Weighted terms of the documents added so far, in memory: 12 bytes a posting, and the terms.
///
/// Documents come in ascending order.
final class ImpactAccumulator {
  private let terms = ByteTable()
  /// By term: the last document that it was added for.
  private var lastDocuments: [UInt32] = []
  private var termNumbers: [UInt32] = []
  /// Document, and in the low 32 bits the bits of the weight.
  private var postings: [UInt64] = []

  private static let none = UInt32.max

  var isEmpty: Bool { postings.isEmpty }

  /// Memory held, and needed to sort, in bytes.
  var memory: Int { terms.memory + lastDocuments.capacity * 8 + termNumbers.capacity * 4 + postings.capacity * 16 }

  /// Adds a term of a document.
  ///
  /// - Returns: False where the document has the term already.
  func add(_ term: UnsafeBufferPointer<UInt8>, doc: UInt32, weight: Float) -> Bool {
    let (number, isNew) = terms.insert(term)
    if isNew { lastDocuments.append(Self.none) }
    guard lastDocuments[number] != doc else { return false }
    lastDocuments[number] = doc
    termNumbers.append(UInt32(number))
    postings.append(UInt64(doc) << 32 | UInt64(weight.bitPattern))
    return true
  }

  /// Takes back what was added for the last document. Its terms stay, without postings where no other document has them.
  func remove(doc: UInt32) {
    while let last = postings.last, UInt32(last >> 32) == doc {
      lastDocuments[Int(termNumbers.removeLast())] = Self.none
      postings.removeLast()
    }
  }

  /// The postings by term, in byte order of the terms. Nothing may be added afterwards.
  func sorted() -> some PostingsRun { ImpactRun(terms, termNumbers: termNumbers, postings: postings) }
}

/// Weighted terms in byte order, in memory.
private final class ImpactRun: PostingsRun {
  private let terms: ByteTable
  private let order: [Int]
  /// By term in the table: where its postings start, and the end.
  private let starts: [Int]
  private let postings: [UInt64]
  private var position = 0

  init(_ terms: ByteTable, termNumbers: [UInt32], postings: [UInt64]) {
    self.terms = terms
    order = terms.sortedNumbers()
    var starts = [Int](repeating: 0, count: terms.count + 1)
    for number in termNumbers { starts[Int(number) + 1] += 1 }
    for number in 0..<terms.count { starts[number + 1] += starts[number] }
    var places = starts
    var sorted = [UInt64](repeating: 0, count: postings.count)
    for (posting, number) in zip(postings, termNumbers) {
      sorted[places[Int(number)]] = posting
      places[Int(number)] += 1
    }
    self.starts = starts
    self.postings = sorted
  }

  var term: UnsafeBufferPointer<UInt8>? { position < order.count ? terms[order[position]] : nil }

  func takePostings(into postings: inout [UInt64], gaps: inout [UInt32], fields: inout [UInt32]) {
    let number = order[position]
    postings.append(contentsOf: self.postings[starts[number]..<starts[number + 1]])
    position += 1
  }
}
