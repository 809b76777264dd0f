import GradusCore
import GradusIndex
import GradusText

/// Documents of words w0, w1, ... with frequencies that fall off as in a language.
enum RandomCollection {
  /// Every word its own term.
  static let analyzer = AnalyzerConfiguration(language: "none", tokenization: .wordCharacters, minimumTokenLength: 1)

  static func documents(_ count: Int, words: Int, vocabulary: Int, seed: UInt64) -> [Document] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { number in
      let length = generator.integer(below: 2 * words + 1)
      let text = (0..<length).map { _ in word(vocabulary, &generator) }.joined(separator: " ")
      // Names in another order than the documents, so that ties show whether they go by name.
      return Document(docno: "d\((number * 7919) % 1_000_003)", title: number % 3 == 0 ? "w1 title" : "", text: text)
    }
  }

  static func queries(_ count: Int, terms: Int, vocabulary: Int, seed: UInt64) -> [String] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in
      (0..<1 + generator.integer(below: terms)).map { _ in word(vocabulary, &generator) }.joined(separator: " ")
    }
  }

  private static func word(_ vocabulary: Int, _ generator: inout SeededGenerator) -> String {
    let u = generator.uniform()
    return "w\(Int(Double(vocabulary) * u * u * u))"
  }

  @discardableResult
  static func build(
    _ documents: [Document], in folder: String, analyzer: AnalyzerConfiguration = analyzer,
    memoryBudgetBytes: Int = 64 << 20, threads: Int = 2, positions: Bool = false, columns: [MetadataColumn] = [],
    fields: IndexFields? = nil, compression: StoredFieldCompression? = .zstd, reordering: GraphBisection? = nil
  ) throws -> InvertedIndex {
    let builder = try IndexBuilder(
      directory: folder, analyzer: analyzer, memoryBudgetBytes: memoryBudgetBytes, threads: threads,
      positions: positions, columns: columns, fields: fields, compression: compression, reordering: reordering)
    for document in documents { try builder.add(document) }
    _ = try builder.finish()
    return try InvertedIndex(path: folder)
  }
}
