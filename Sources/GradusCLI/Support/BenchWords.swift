import Gradus

/// Words to make texts of that are as long as a benchmark wants them.
enum BenchWords {
  /// The vocabulary's pieces that are plain words: each is one token.
  ///
  /// - Throws: `UsageError` where there are none.
  static func plain(of tokenizer: any InputTokenizer) throws -> [String] {
    let words = (0..<Int32(tokenizer.vocabularySize)).compactMap { tokenizer.piece($0) }
      .filter { piece in piece.count >= 3 && piece.allSatisfy { ("a"..."z").contains($0) } }
    guard !words.isEmpty else { throw UsageError("the model's vocabulary has no plain words to make pairs of") }
    return words
  }
}
