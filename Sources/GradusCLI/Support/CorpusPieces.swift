import Gradus

/// A corpus in pieces of some documents, so that memory does not grow with it; progress shows how much was encoded.
struct CorpusPieces {
  private let reader: CorpusReader

  /// - Parameter corpus: As on the command line.
  init(of corpus: String) throws { reader = try CorpusReader(path: try InputNames.corpus(corpus)) }

  /// Reads on to the end.
  ///
  /// - Parameter size: Documents of a piece; the last one may have fewer.
  /// - Returns: How many documents there were.
  func forEach(_ size: Int, _ body: ([Document]) throws -> Void) throws -> Int {
    let progress = Progress("encoding", total: nil, unit: "documents")
    defer { progress.finish() }
    var count = 0
    var piece: [Document] = []
    while let document = try reader.next() {
      piece.append(document)
      count += 1
      progress.advance(part: reader.partRead)
      guard piece.count == size else { continue }
      try body(piece)
      piece.removeAll(keepingCapacity: true)
    }
    if !piece.isEmpty { try body(piece) }
    return count
  }
}
