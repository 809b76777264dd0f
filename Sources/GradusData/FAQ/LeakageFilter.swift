/// Finds the wording of known questions inside passages: a passage that repeats its question word for word would make
/// ranking it a matter of string search.
///
///     let filter = LeakageFilter(questions: ["Why is int() broken?"])
///     filter.leaks("See \"Why is int() broken?\" above.")   // true
///
/// Compared are lower-case words, punctuation gone. Questions of fewer than four words are too common to be looked for.
struct LeakageFilter {
  static let leastWords = 4

  /// Normalised questions by their first four words.
  private let questions: [ArraySlice<UInt8>: [NormalizedText]]

  init(questions: [String]) {
    var table: [ArraySlice<UInt8>: [NormalizedText]] = [:]
    for question in questions {
      let text = NormalizedText(question)
      if text.starts.count >= Self.leastWords { table[text.words(0, Self.leastWords), default: []].append(text) }
    }
    self.questions = table
  }

  /// Whether any question occurs in `text`. O(words).
  func leaks(_ text: String) -> Bool { leaks(NormalizedText(text)) }

  func leaks(_ text: NormalizedText) -> Bool {
    guard text.starts.count >= Self.leastWords else { return false }
    for start in 0...(text.starts.count - Self.leastWords) {
      guard let candidates = questions[text.words(start, Self.leastWords)] else { continue }
      let left = text.starts.count - start
      for question in candidates where question.starts.count <= left {
        if text.words(start, question.starts.count) == question.bytes[...] { return true }
      }
    }
    return false
  }
}
