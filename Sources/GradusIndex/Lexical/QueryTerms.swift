import GradusCore
import GradusText

/// The distinct terms of a query's text, each with how often it stands there: what the analyzer makes of it, before any index is
/// asked.
struct QueryTerms: Sendable {
  /// Terms one after the other.
  private(set) var text: [UInt8] = []
  /// In the order of their first appearance.
  private(set) var terms: [(range: Range<Int>, weight: Double)] = []
  /// Tokens after analysis.
  private(set) var length = 0

  /// So many terms are compared one by one, more are looked up.
  private static let fewTerms = 32
  private static let usualTerms = 16
  /// Beyond so many bytes a query's terms are found in a hash table, before by looking at all of them.
  private static let longText = 256

  init(_ query: String, analyzer: Analyzer) {
    var query = query
    if query.utf8.count > Self.longText { countMany(&query, analyzer) } else { countFew(&query, analyzer) }
  }

  private mutating func countFew(_ query: inout String, _ analyzer: Analyzer) {
    var bytes: [UInt8] = []
    var found: [(range: Range<Int>, weight: Double)] = []
    var places: [[UInt8]: Int] = [:]
    var length = 0
    // Room for a usual query at once: growing by and by costs as much as looking some terms up.
    bytes.reserveCapacity(Self.longText)
    found.reserveCapacity(Self.usualTerms)
    query.withUTF8 { utf8 in
      analyzer.analyze(utf8) { term, _ in
        length += 1
        if found.count >= Self.fewTerms {
          // Comparing each term with all others would take the square of their number.
          let key = Array(term)
          if let number = places[key] {
            found[number].weight += 1
            return
          }
          places[key] = found.count
        } else {
          for number in found.indices where found[number].range.count == term.count {
            let isSame = bytes.withUnsafeBufferPointer {
              bytesAreEqual(UnsafeBufferPointer(rebasing: $0[found[number].range]), term)
            }
            if isSame {
              found[number].weight += 1
              return
            }
          }
          if found.count == Self.fewTerms - 1 {
            for number in found.indices { places[Array(bytes[found[number].range])] = number }
            places[Array(term)] = found.count
          }
        }
        found.append((bytes.count..<bytes.count + term.count, 1))
        bytes.append(contentsOf: term)
      }
    }
    (text, terms, self.length) = (bytes, found, length)
  }

  /// For a whole document as a query.
  private mutating func countMany(_ query: inout String, _ analyzer: Analyzer) {
    let table = ByteTable()
    var bytes: [UInt8] = []
    var found: [(range: Range<Int>, weight: Double)] = []
    var length = 0
    query.withUTF8 { utf8 in
      analyzer.analyze(utf8) { term, _ in
        length += 1
        let (number, isNew) = table.insert(term)
        if isNew {
          found.append((bytes.count..<bytes.count + term.count, 1))
          bytes.append(contentsOf: term)
        } else {
          found[number].weight += 1
        }
      }
    }
    (text, terms, self.length) = (bytes, found, length)
  }
}
