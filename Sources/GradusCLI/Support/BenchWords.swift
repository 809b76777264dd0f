import Gradus

/// Texts of random words that are as long as a benchmark wants them.
struct BenchWords {
  private let words: [String]
  private var generator = SeededGenerator(seed: 2)

  /// Takes the vocabulary's pieces that are plain words: each is one token.
  ///
  /// - Throws: `UsageError` where there are none.
  init(of tokenizer: any InputTokenizer) throws {
    words = (0..<Int32(tokenizer.vocabularySize)).compactMap { tokenizer.piece($0) }
      .filter { piece in piece.count >= 3 && piece.allSatisfy { ("a"..."z").contains($0) } }
    guard !words.isEmpty else { throw UsageError("the model's vocabulary has no plain words to make pairs of") }
  }

  mutating func text(_ count: Int) -> String {
    (0..<count).map { _ in words[generator.integer(below: words.count)] }.joined(separator: " ")
  }
}
