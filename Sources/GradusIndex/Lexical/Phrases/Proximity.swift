/// How near to each other words must stand.
public enum Proximity: Sendable, Hashable, CustomStringConvertible {
  /// In the order of the phrase, with at most `slop` other words between them altogether, beyond the stop words that the
  /// phrase itself has there; 0 for the phrase as it is.
  case ordered(slop: Int)
  /// In any order, in a stretch of at most `window` words.
  case unordered(window: Int)

  public static let phrase = Proximity.ordered(slop: 0)

  public var description: String {
    switch self {
    case .ordered(let slop): slop == 0 ? "" : "~\(slop)"
    case .unordered(let window): "~u\(window)"
    }
  }

  /// Occurrences of a phrase in a document.
  ///
  /// - Parameters:
  ///   - positions: Of each word, ascending.
  ///   - offsets: Of the words in the phrase, from 0.
  func count(_ positions: [UnsafeBufferPointer<UInt32>], offsets: [Int]) -> Int {
    switch self {
    case .ordered(slop: 0): Self.exact(positions, offsets)
    case .ordered(let slop): Self.ordered(positions, extent: offsets[offsets.count - 1] + slop)
    case .unordered(let window): Self.unordered(positions, window: window)
    }
  }

  /// Places where every word stands at its offset.
  private static func exact(_ positions: [UnsafeBufferPointer<UInt32>], _ offsets: [Int]) -> Int {
    var places = [Int](repeating: 0, count: positions.count)
    var found = 0
    for first in positions[0] {
      var isHere = true
      for word in 1..<positions.count {
        let wanted = Int(first) + offsets[word]
        while places[word] < positions[word].count, Int(positions[word][places[word]]) < wanted { places[word] += 1 }
        guard places[word] < positions[word].count else { return found }
        if Int(positions[word][places[word]]) != wanted {
          isHere = false
          break
        }
      }
      found += isHere ? 1 : 0
    }
    return found
  }

  /// Chains of the words in order, each from a first word to the nearest next ones; two of them share no last word.
  private static func ordered(_ positions: [UnsafeBufferPointer<UInt32>], extent: Int) -> Int {
    var places = [Int](repeating: 0, count: positions.count)
    var found = 0
    var lastEnd = -1
    for first in positions[0] {
      var previous = Int(first)
      for word in 1..<positions.count {
        while places[word] < positions[word].count, Int(positions[word][places[word]]) <= previous { places[word] += 1 }
        guard places[word] < positions[word].count else { return found }
        previous = Int(positions[word][places[word]])
      }
      if previous - Int(first) <= extent, previous > lastEnd {
        found += 1
        lastEnd = previous
      }
    }
    return found
  }

  /// Stretches that hold all words, from left to right, without overlap.
  private static func unordered(_ positions: [UnsafeBufferPointer<UInt32>], window: Int) -> Int {
    var places = [Int](repeating: 0, count: positions.count)
    var found = 0
    while true {
      var least = Int.max, most = -1, first = 0
      for word in positions.indices {
        guard places[word] < positions[word].count else { return found }
        let position = Int(positions[word][places[word]])
        if position < least { (least, first) = (position, word) }
        most = max(most, position)
      }
      if most - least < window {
        found += 1
        for word in positions.indices {
          while places[word] < positions[word].count, Int(positions[word][places[word]]) <= most { places[word] += 1 }
        }
      } else {
        places[first] += 1
      }
    }
  }
}
