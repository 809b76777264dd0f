/// Finds the wording of known questions inside passages: a passage that repeats its question word for word would make
/// ranking it a matter of string search.
///
///     let filter = LeakageFilter(questions: ["Why is int() broken?"])
///     filter.leaks("See \"Why is int() broken?\" above.")   // true
///
/// Compared are lower-case words, punctuation gone. Questions of fewer than four words are too common to be looked for.
struct LeakageFilter {
  static let leastWords = 4

  /// Question words by their first four.
  private let questions: [[Substring]: [[Substring]]]

  init(questions: [String]) {
    var table: [[Substring]: [[Substring]]] = [:]
    for question in questions {
      let words = question.normalizedWords
      if words.count >= Self.leastWords { table[Array(words.prefix(Self.leastWords)), default: []].append(words) }
    }
    self.questions = table
  }

  /// Whether any question occurs in `text`. O(words).
  func leaks(_ text: String) -> Bool {
    let words = text.normalizedWords
    guard words.count >= Self.leastWords else { return false }
    for start in 0...(words.count - Self.leastWords) {
      guard let candidates = questions[Array(words[start..<start + Self.leastWords])] else { continue }
      if candidates.contains(where: { words[start...].starts(with: $0) }) { return true }
    }
    return false
  }
}
