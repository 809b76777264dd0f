/// What a misspelt name was probably meant to be.
///
///     Spelling.nearest(to: "recipp", among: ["recip", "norm"])   // "recip"
public enum Spelling {
  /// The name with the fewest edits, letter case aside; nil where none comes close (more than half of the letters differ).
  public static func nearest(to word: String, among names: [String]) -> String? {
    let distances = names.map { (name: $0, edits: editDistance(word.lowercased(), $0.lowercased())) }
    guard let best = distances.min(by: { $0.edits < $1.edits }) else { return nil }
    return best.edits * 2 <= max(word.count, best.name.count) ? best.name : nil
  }

  /// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
  public static func editDistance(_ first: String, _ second: String) -> Int {
    let (source, target) = (Array(first), Array(second))
    var beforeLast = [Int](repeating: 0, count: target.count + 1)
    var last = Array(0...target.count)
    for row in source.indices {
      var current = [row + 1]
      for column in target.indices {
        let substitution = last[column] + (source[row] == target[column] ? 0 : 1)
        var best = min(last[column + 1] + 1, current[column] + 1, substitution)
        if row > 0, column > 0, source[row] == target[column - 1], source[row - 1] == target[column] {
          best = min(best, beforeLast[column - 1] + 1)
        }
        current.append(best)
      }
      (beforeLast, last) = (last, current)
    }
    return last[target.count]
  }
}
